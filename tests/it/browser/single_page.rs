//! An application without a server, in a real browser: `oidc-client-ts` signs in, renews by refresh token, and signs out.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};
use url::Url;

use super::stage::fill_in;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::Chromium;
use crate::support::origin::{Origin, write};
use crate::support::rp::Rp;

/// Serves the application.
fn serve(path: &str, stream: &mut TcpStream) {
    let (file, kind) = match path.split('?').next() {
        Some("/oidc-client-ts.js") => {
            ("node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", "text/javascript")
        }
        _ => ("single_page.html", "text/html"),
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(file);
    write(stream, "200 OK", &format!("Content-Type: {kind}\r\n"), &std::fs::read(file).unwrap());
}

fn each(users: &[Value], member: &str) -> BTreeSet<String> {
    users.iter().map(|user| user[member].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn oidc_client_ts_renews_by_refresh_token_and_leaves_the_page_alone() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let site = format!("http://localhost:{}", Origin::start("127.0.0.1", 0, serve).port);
    let metadata = json!({ "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none", "redirect_uris": [format!("{site}/callback")] });
    let rp = Rp::new(&app, metadata).await;
    let chromium = Chromium::start().await;
    let named = [("issuer", app.issuer.as_str()), ("client_id", &rp.client_id)];
    let named = Url::parse_with_params("http://none", named).unwrap().query().unwrap().to_owned();
    chromium.open(&format!("{site}/#{named}")).await;
    chromium.at(&app.at("/login")).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.click("button[value=allow]").await;
    chromium.at(&format!("{site}/callback")).await;
    chromium.until("users.length > 2 || errors.length".into()).await;
    chromium.run("manager.stopSilentRenew()").await;

    assert_eq!(chromium.ask("errors").await, json!([]));
    let users = "users.map((user) => ({ ...user, sub: user.profile.sub, email: user.profile.email }))";
    let Value::Array(users) = chromium.ask(users).await else { panic!("no list") };
    for token in ["access_token", "refresh_token", "id_token"] {
        assert_eq!(each(&users, token).len(), users.len(), "each renewal has its own {token}");
    }
    assert_eq!(each(&users, "sub"), [ada.id].into());
    assert_eq!(each(&users, "email"), ["ada@example.com".to_owned()].into());
    let pages = chromium.traffic().await.pages;
    let authorized = pages.iter().filter(|page| page.starts_with(&app.at("/authorize"))).count();
    assert_eq!(authorized, 1, "no frame and no redirect renews: {pages:#?}");

    let revoked = chromium.ask_later("manager.revokeTokens().then(() => 'revoked')").await;
    assert_eq!(revoked, "revoked");
    let last = users.last().unwrap()["refresh_token"].as_str().unwrap();
    assert_eq!(rp.refresh(&app.browser(), last, &[]).await.json()["error"], "invalid_grant");
    chromium.finish().await;
    app.finish().await;
}
