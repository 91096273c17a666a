//! The API of the demo. It verifies access tokens with the verifier crate, which any service can embed, and names the
//! cause of each refusal.

use std::net::TcpListener;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer};
use countersign_verifier::{Claims, Refusal, Verifier, VerifyError, bearer_token};
use serde_json::{Value, json};

use super::error::{DemoError, other};
use crate::app::App;
use crate::clock::Clock;
use crate::secret::sha256;

/// Reading balances.
pub(super) const READ: &str = "balances.read";
/// Moving money; neither site may request it.
pub(super) const TRANSFER: &str = "balances.transfer";
/// The role that may list customers.
const ADVISOR: &str = "advisor";

/// The protected resource.
pub(super) struct Api {
    uri: String,
    issuer: String,
    sites: [String; 2],
    verifier: Verifier,
    clock: Clock,
}

impl Api {
    pub(super) fn new(
        app: &App,
        uri: &str,
        sites: [&String; 2],
        http: reqwest::Client,
    ) -> Result<Api, DemoError> {
        let issuer = &app.config.issuer;
        Ok(Api {
            uri: uri.into(),
            issuer: issuer.clone(),
            sites: sites.map(Clone::clone),
            verifier: Verifier::builder(issuer, uri).http_client(http).build().map_err(other)?,
            clock: app.clock.clone(),
        })
    }

    /// Takes the token from the `Authorization` header alone, and verifies it.
    ///
    /// Spec: RFC 6750 §2.1, RFC 9068 §4
    async fn authorize(&self, request: &HttpRequest) -> Result<Claims, VerifyError> {
        let mut sent = request.headers().get_all(header::AUTHORIZATION);
        let first = sent.next().map(|value| value.to_str().unwrap_or("?"));
        if sent.next().is_some() {
            return Err(Refusal::MalformedAuthorization.into());
        }
        self.verifier.verify_at(bearer_token(first)?, self.clock.now()).await
    }

    fn metadata_url(&self) -> String {
        format!("{}/.well-known/oauth-protected-resource", self.uri)
    }

    /// Spec: RFC 6750 §3, RFC 9728 §5.1
    fn refuse(&self, error: &VerifyError) -> HttpResponse {
        let VerifyError::Refused(refusal) = error else {
            tracing::warn!(%error, "the API cannot check tokens");
            let body = json!({ "error": "temporarily_unavailable", "error_description": "the keys cannot be fetched" });
            return HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "2")).json(body);
        };
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let scope = match refusal {
            Refusal::InsufficientScope { required } => Some(required.as_str()),
            _ => None,
        };
        match refusal {
            Refusal::NoToken => self.answer(status, None, "this needs an access token", None),
            refused => self.answer(status, Some(refused.error_code()), &refused.to_string(), scope),
        }
    }

    fn answer(
        &self,
        status: StatusCode,
        code: Option<&str>,
        cause: &str,
        scope: Option<&str>,
    ) -> HttpResponse {
        let cause = quotable(cause);
        let metadata = self.metadata_url();
        let members = [
            ("error", code),
            ("error_description", code.map(|_| cause.as_str())),
            ("scope", scope),
            ("resource_metadata", Some(metadata.as_str())),
        ];
        let said = members.iter().filter_map(|(name, value)| Some(format!("{name}=\"{}\"", (*value)?)));
        let challenge = format!("Bearer {}", said.collect::<Vec<_>>().join(", "));
        let body = match code {
            Some(code) => json!({ "error": code, "error_description": cause }),
            None => json!({ "message": cause }),
        };
        HttpResponse::build(status).insert_header((header::WWW_AUTHENTICATE, challenge)).json(body)
    }
}

/// Replaces what a quoted string of a challenge cannot contain: quotation marks, backslashes, all beyond ASCII.
///
/// Spec: RFC 6750 §3
fn quotable(text: &str) -> String {
    let replaced = text.chars().map(|c| if c == '"' || c == '\\' { '\'' } else { c });
    replaced.filter(|c| matches!(c, ' '..='~')).collect()
}

/// Serves the API on these listeners.
pub(super) fn serve(api: Api, listeners: Vec<TcpListener>) -> std::io::Result<Server> {
    let api = Data::new(api);
    let mut server = HttpServer::new(move || {
        ActixApp::new().app_data(api.clone()).wrap(from_fn(around)).configure(|service| {
            service
                .route("/", web::get().to(about))
                .route("/.well-known/oauth-protected-resource", web::get().to(metadata))
                .service(web::resource("/balances").route(web::get().to(balances)))
                .service(web::resource("/transfers").route(web::post().to(transfers)))
                .service(web::resource("/customers").route(web::get().to(customers)));
        })
    })
    .workers(1)
    .shutdown_timeout(5);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

/// Allows scripts of the two sites to read the answers, and sets the same caching policy on all of them.
///
/// Spec: Fetch §3.3 (CORS)
async fn around(
    api: Data<Api>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| api.sites.iter().any(|site| origin.as_bytes() == site.as_bytes()));
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        request.into_response(HttpResponse::NoContent().finish()).map_into_boxed_body()
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    set(headers, header::VARY, "Origin");
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, "WWW-Authenticate");
        if preflight {
            set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
            set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type");
            set(headers, header::ACCESS_CONTROL_MAX_AGE, "600");
        }
    }
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

async fn about(api: Data<Api>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": "Balances, the API of the demo",
        "resource": api.uri,
        "issuer": api.issuer,
        "routes": [
            { "method": "GET", "path": "/balances", "needs": format!("scope {READ}") },
            { "method": "POST", "path": "/transfers", "needs": format!("scope {TRANSFER}") },
            { "method": "GET", "path": "/customers", "needs": format!("role {ADVISOR}") },
        ],
    }))
}

/// Spec: RFC 9728 §2
async fn metadata(api: Data<Api>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "resource": api.uri,
        "resource_name": "Balances",
        "authorization_servers": [api.issuer],
        "scopes_supported": [READ, TRANSFER],
        "bearer_methods_supported": ["header"],
    }))
}

async fn balances(api: Data<Api>, request: HttpRequest) -> HttpResponse {
    match allowed(&api, &request, READ).await {
        Ok(claims) => HttpResponse::Ok().json(invented(&claims.sub)),
        Err(error) => api.refuse(&error),
    }
}

async fn transfers(api: Data<Api>, request: HttpRequest) -> HttpResponse {
    match allowed(&api, &request, TRANSFER).await {
        Ok(claims) => HttpResponse::Accepted()
            .json(json!({ "accepted": true, "from": claims.sub, "note": "these accounts are invented: no money moves" })),
        Err(error) => api.refuse(&error),
    }
}

async fn customers(api: Data<Api>, request: HttpRequest) -> HttpResponse {
    match api.authorize(&request).await {
        Ok(claims) if claims.roles().contains(&ADVISOR) => HttpResponse::Ok().json(json!({ "customers": [
            { "name": "Ada Lovelace", "since": 1833 },
            { "name": "Charles Babbage", "since": 1822 },
            { "name": "Mary Somerville", "since": 1826 },
        ] })),
        // No scope would help, so the challenge names none.
        Ok(_) => {
            let cause = format!("this needs the role {ADVISOR}");
            api.answer(StatusCode::FORBIDDEN, Some("insufficient_scope"), &cause, None)
        }
        Err(error) => api.refuse(&error),
    }
}

async fn allowed(api: &Api, request: &HttpRequest, scope: &str) -> Result<Claims, VerifyError> {
    let claims = api.authorize(request).await?;
    claims.require_scope(scope)?;
    Ok(claims)
}

/// Invented balances, derived from `sub` so that they stay the same for a person.
fn invented(sub: &str) -> Value {
    let hash = sha256(sub.as_bytes());
    let cents = |at: usize, scale: u64| {
        let bytes =
            hash.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).unwrap_or_default();
        u64::from(u32::from_be_bytes(bytes)) % scale
    };
    let account = |name: &str, cents: u64| json!({ "account": name, "balance": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR" });
    json!({ "sub": sub, "accounts": [
        account("Current account", 50_000 + cents(0, 600_000)),
        account("Savings", 900_000 + cents(4, 4_000_000)),
        account("Retirement fund", 2_500_000 + cents(8, 9_000_000)),
    ] })
}
