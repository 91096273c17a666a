//! A real provider in this process, in a folder of its own. It has a person who is signed in, three clients,
//! and one of each thing that a request can refer to.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{Data, PayloadConfig};
use actix_web::{App as ActixApp, HttpRequest, middleware};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::ids::{GrantId, RecordId, SessionId, new_sub};
use countersign::password::Password;
use countersign::protocol::claims::{self, AccessToken, IdToken};
use countersign::protocol::client::{Client, ClientSecret, Metadata, Secrets, SigningAlg};
use countersign::protocol::code::CodeGrant;
use countersign::protocol::grant::{self, Grant};
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::params::Params;
use countersign::protocol::pkce::CodeChallenge;
use countersign::protocol::request::PARAMS;
use countersign::protocol::resource::Resource;
use countersign::protocol::scope::Scope;
use countersign::protocol::session::sid;
use countersign::protocol::user::User;
use countersign::secret::{TokenHash, base64url, random, sha256};
use countersign::state::sessions::Authentication;
use countersign::store::events::Actor;
use countersign::web::browser::Browser;
use countersign::web::failure::PageFailure;
use countersign::web::pending;
use countersign::web::ticket::{Ticket, TicketKind};
use countersign::web::{self, around::around};
use countersign::{routes, store};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// Its issuer.
pub const ISSUER: &str = "http://127.0.0.1:8080";
/// The redirect URI of the clients.
pub const REDIRECT: &str = "http://127.0.0.1:9/callback";
/// The secret of the confidential client.
pub const SECRET: &str = "a-secret-of-more-than-32-characters";
/// The verifier of the challenge of every code.
pub const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier";
/// The person's password.
pub const PASSWORD: &str = "wistful-otter-paints-9";

/// A whole answer.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as text.
    pub body: String,
}

type Asked = Pin<Box<dyn Future<Output = Answer>>>;

/// The provider, and what it has issued.
pub struct Provider {
    system: SystemRunner,
    ask: Box<dyn Fn(TestRequest) -> Asked>,
    /// The provider's `App`.
    pub app: Data<App>,
    /// The instant at which everything was issued.
    pub now: OffsetDateTime,
    /// The person.
    pub user: User,
    /// The hash of the person's password.
    pub hash: String,
    /// The value of the browser's cookie.
    pub browser: String,
    /// The value of the session's cookie.
    pub session: String,
    /// An ID Token of the person's.
    pub id_token: String,
    /// An access token for the provider itself.
    pub access_token: String,
    /// A sealed authorization request of that browser's.
    pub ticket: String,
    /// The time that was skipped until further parking was allowed.
    waited: Cell<Duration>,
    _folder: TempDir,
}

/// The person, signed in for one request, which may be a sign-out.
pub struct Visit<'a> {
    provider: &'a Provider,
    /// The value of the session's cookie.
    pub session: String,
    record: RecordId,
    session_id: SessionId,
}

thread_local! {
    static PROVIDER: Provider = Provider::start();
}

/// Lends the provider of this thread.
pub fn with<T>(act: impl FnOnce(&Provider) -> T) -> T {
    PROVIDER.with(act)
}

impl Provider {
    fn start() -> Provider {
        let folder = tempfile::tempdir().expect("a folder");
        let api = Resource {
            uri: "https://api.example".into(),
            scopes: vec!["read".into()],
            claims: vec!["roles".into()],
            ..Resource::default()
        };
        let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
        let config = Config::development(ISSUER, &data, &keys, vec![api]).expect("a configuration");
        let system = System::new();
        let (app, clock) = system.block_on(async {
            let clock = Clock::default();
            (Data::new(App::build(config, clock.clone()).expect("a provider")), clock)
        });
        let now = clock.now();
        let hash = Password::chosen(PASSWORD).expect("a password").hash().expect("a hash");
        let user = system.block_on(fill(&app, hash.clone(), now));
        let mut provider = Provider {
            ask: service(&system, &app),
            now,
            hash,
            browser: base64url(&random::<16>()),
            session: String::new(),
            id_token: String::new(),
            access_token: String::new(),
            ticket: String::new(),
            user,
            app,
            system,
            waited: Cell::default(),
            _folder: folder,
        };
        let visit = provider.visit();
        let (session, id_token, access_token) =
            (visit.session.clone(), visit.id_token(), visit.access_token());
        let ticket = provider.sealed(&Ticket::new(TicketKind::Authorize, authorization_request(), now));
        (provider.session, provider.id_token, provider.access_token) = (session, id_token, access_token);
        provider.ticket = ticket;
        provider
    }

    /// Waits for something.
    pub fn wait<F: Future>(&self, what: F) -> F::Output {
        self.system.block_on(what)
    }

    /// Sends a request through everything except the socket.
    pub fn ask(&self, req: TestRequest) -> Answer {
        self.wait((self.ask)(req))
    }

    /// A request of the browser that everything was issued to.
    pub fn from_browser(&self) -> HttpRequest {
        let cookie = format!("{}={}", self.app.cookies.browser, self.browser);
        TestRequest::get().insert_header(("cookie", cookie)).to_http_request()
    }

    /// A request as handlers receive it.
    pub fn meets(&self, req: HttpRequest) -> web::visit::Visit {
        web::visit::Visit { req, app: self.app.clone(), now: self.now }
    }

    /// That browser.
    pub fn as_browser(&self) -> Browser {
        Browser::of(&self.from_browser(), &self.app).expect("its cookie")
    }

    /// Seals a pending request for that browser.
    pub fn sealed(&self, ticket: &Ticket) -> String {
        let browser = self.as_browser();
        loop {
            let visit = self.meets(self.from_browser());
            let visit = web::visit::Visit { now: self.now + self.waited.get(), ..visit };
            let sealed = ticket.seal(&visit, Some(&browser));
            match self.wait(sealed) {
                // What is too long for an address is parked, a limited number of times an hour. The clock is
                // moved instead of waiting.
                Err(PageFailure::RateLimited { .. }) => self.waited.set(self.waited.get() + Duration::HOUR),
                sealed => return sealed.expect("sealing"),
            }
        }
    }

    /// Signs the person in.
    pub fn visit(&self) -> Visit<'_> {
        let login = Authentication {
            user_id: self.user.id.clone(),
            browser: self.as_browser().binding(),
            acr: claims::ACR_SINGLE_FACTOR.into(),
            amr: vec!["pwd".into()],
            remember: true,
        };
        let begun = self.wait(self.app.state.sessions.begin(None, &login, self.now)).expect("a session");
        Visit { provider: self, session: begun.cookie, record: begun.record, session_id: begun.session_id }
    }
}

impl Visit<'_> {
    /// A sealed request whose consent page has been shown.
    pub fn consent(&self) -> String {
        let Provider { user, now, .. } = self.provider;
        let params = Params::parse(authorization_request().as_bytes(), &PARAMS).expect("parameters");
        let visit = self.provider.meets(self.provider.from_browser());
        let asked =
            self.provider.wait(pending::read(&visit, &params)).unwrap_or_else(|_| panic!("a good request"));
        let fingerprint = asked.request.consent_fingerprint(&asked.client, &user.id);
        let mut ticket = Ticket::new(TicketKind::Authorize, params.encode(), *now);
        ticket.displayed = Some((self.session_id, fingerprint));
        self.provider.sealed(&ticket)
    }

    fn authenticated(&self) -> grant::Authenticated {
        let Provider { user, now, .. } = self.provider;
        grant::Authenticated {
            user_id: user.id.clone(),
            auth_time: *now,
            acr: claims::ACR_SINGLE_FACTOR.into(),
            amr: vec!["pwd".into()],
            session_id: self.session_id,
        }
    }

    /// A code that the public client may redeem.
    pub fn code(&self) -> String {
        let Provider { app, now, .. } = self.provider;
        let challenge = base64url(&sha256(VERIFIER.as_bytes()));
        let grant = Grant {
            id: GrantId::generate(),
            scope: Scope::parse("openid"),
            claims: NamedClaims::default(),
            resources: vec![],
            person: self.authenticated(),
        };
        let grant = CodeGrant {
            grant,
            record: self.record,
            agreed_at: *now,
            issued_at: *now,
            redirect_uri: REDIRECT.into(),
            code_challenge: CodeChallenge::parse(Some(&challenge), Some("S256"), true).expect("S256"),
            nonce: None,
        };
        let code = self.provider.wait(app.state.codes.mint("public", &grant, app.clock.now()));
        code.expect("a code").expose().to_owned()
    }

    /// An ID Token for the confidential client.
    pub fn id_token(&self) -> String {
        let Provider { app, user, now, .. } = self.provider;
        let person = self.authenticated();
        let claims = IdToken {
            iss: ISSUER,
            sub: &user.id,
            aud: "web",
            exp: (*now + app.config.lifetimes.id_token).unix_timestamp(),
            iat: now.unix_timestamp(),
            authentication: claims::Authentication::of(&person),
            nonce: None,
            sid: &sid(&app.keys.sid, self.session_id, "web"),
            at_hash: claims::at_hash(SigningAlg::RS256, "token"),
            jti: base64url(&random::<16>()),
            person: serde_json::Map::new(),
        };
        app.keys.snapshot.load().sign(SigningAlg::RS256, "JWT", &claims).expect("signing")
    }

    /// An access token for the provider itself.
    pub fn access_token(&self) -> String {
        let Provider { app, user, now, .. } = self.provider;
        let (grant_id, person) = (GrantId::generate(), self.authenticated());
        let claims = AccessToken {
            iss: ISSUER,
            sub: &user.id,
            aud: Value::from(ISSUER),
            exp: (*now + time::Duration::days(1)).unix_timestamp(),
            iat: now.unix_timestamp(),
            nbf: claims::not_before(*now),
            jti: claims::jti(grant_id, random()),
            client_id: "web",
            scope: Some("openid email".into()),
            authentication: Some(claims::Authentication::of(&person)),
            session: Some(app.keys.hide_session(self.record, self.session_id, grant_id)),
            userinfo: vec![],
            person: serde_json::Map::new(),
        };
        app.keys.snapshot.load().sign(SigningAlg::ES256, "at+jwt", &claims).expect("signing")
    }
}

/// An authorization request that would succeed.
pub fn authorization_request() -> String {
    let challenge = base64url(&sha256(VERIFIER.as_bytes()));
    let pairs = [
        ("client_id", "web"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn fill(app: &App, hash: String, now: OffsetDateTime) -> User {
    let claims = json!({ "name": "Ann Example", "email": "ann@example.com", "email_verified": true });
    let claims = claims.as_object().expect("an object").clone();
    let user = User { id: new_sub(), login: "ann".into(), disabled: false, claims };
    let user = store::users::add(&app.db, user, Some(hash), Actor::System(Some("fuzz")), now)
        .await
        .expect("a store");
    for (id, method, secret) in
        [("web", "client_secret_basic", Some(SECRET)), ("public", "none", None), ("ours", "none", None)]
    {
        let metadata: Metadata = serde_json::from_value(json!({
            "client_name": "Example", "redirect_uris": [REDIRECT], "post_logout_redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": method, "first_party": id == "ours",
        }))
        .expect("metadata");
        let secrets = secret.map(|secret| Secrets::one(ClientSecret::of(TokenHash::of(secret), now)));
        let secrets = secrets.unwrap_or_default();
        let client = Client { id: id.into(), secrets, disabled: false, registered_at: now, metadata };
        assert!(
            store::clients::add(&app.db, &client, Actor::System(Some("fuzz")), now).await.expect("a store")
        );
    }
    user.expect("a new person")
}

fn service(system: &SystemRunner, app: &Data<App>) -> Box<dyn Fn(TestRequest) -> Asked> {
    let served = app.clone();
    let service = ActixApp::new()
        .app_data(app.clone())
        .app_data(PayloadConfig::new(64 * 1024))
        .wrap(middleware::from_fn(around))
        .configure(|service| routes::configure(service, "", &served.registry));
    let service = std::rc::Rc::new(system.block_on(init_service(service)));
    Box::new(move |req| {
        let service = std::rc::Rc::clone(&service);
        Box::pin(async move {
            let answer = match service.call(req.to_request()).await {
                Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = to_bytes(answer.into_body()).await.expect("a body in memory");
            Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
        })
    })
}
