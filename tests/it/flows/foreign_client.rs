//! Somebody else's client library completes the flow, knowing nothing but the issuer.

use countersign::protocol::client::SigningAlg;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use serde_json::json;

use crate::support::app::{Options, PASSWORD, REDIRECT, TestApp};

/// What the library asks for, sent with ordinary HTTP.
pub async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let response = http.execute(request.try_into()?).await?;
    let mut answer = openidconnect::http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    Ok(answer.body(response.bytes().await?.to_vec()).unwrap())
}

#[actix_web::test]
async fn the_openidconnect_crate_completes_the_flow_for_every_algorithm() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    let ada = app.user("ada").await;
    for alg in SigningAlg::ALL.map(SigningAlg::name) {
        let (id, secret) = app
            .client(json!({ "id_token_signed_response_alg": alg, "userinfo_signed_response_alg": "RS256" }))
            .await;
        let issuer = IssuerUrl::new(app.issuer.clone()).unwrap();
        let provider = CoreProviderMetadata::discover_async(issuer, &send).await.unwrap();
        let client =
            CoreClient::from_provider_metadata(provider, ClientId::new(id), Some(ClientSecret::new(secret)))
                .set_redirect_uri(RedirectUrl::new(REDIRECT.into()).unwrap());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".into()))
            .add_scope(Scope::new("profile".into()))
            .set_pkce_challenge(challenge)
            .url();

        let browser = app.browser();
        let page = browser.open(url.as_str()).await;
        let consent = browser.submit(&page, &[("username", " ADA "), ("password", PASSWORD)]).await;
        let back = browser.submit(&consent, &[("decision", "allow")]).await;
        assert_eq!(back.answered("state").as_ref(), Some(state.secret()));

        let code = AuthorizationCode::new(back.answered("code").unwrap());
        let tokens = client
            .exchange_code(code)
            .unwrap()
            .set_pkce_verifier(verifier)
            .request_async(&send)
            .await
            .unwrap();
        let id_token = tokens.id_token().unwrap();
        // The crate accepts RS256 alone unless it is told what the client registered.
        let registered = id_token.signing_alg().unwrap().clone();
        assert_eq!(json!(registered), alg);
        let checker = client.id_token_verifier().set_allowed_algs([registered]);
        let claims = id_token.claims(&checker, &nonce).unwrap();
        assert_eq!(claims.subject().as_str(), ada.id);
        let hash = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg().unwrap(),
            id_token.signing_key(&checker).unwrap(),
        );
        assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()), "{alg}");
        // It verifies signature, issuer and audience of the answer, by RS256 alone.
        let info: CoreUserInfoClaims = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .unwrap()
            .require_signed_response(true)
            .request_async(&send)
            .await
            .unwrap();
        assert_eq!(info.email().unwrap().as_str(), "ada@example.com");
        assert_eq!(info.email_verified(), Some(true));
    }
    app.finish().await;
}
