//! Cookies that a sister sub-domain plants: by the rules of a real browser, and read by ours.

use serde_json::json;

use super::stage::{Album, fill_in};
use super::tls::Server;
use crate::support::chromium::{Chromium, Profile};
use crate::support::rp::request;

/// Where the application is called back; it is never reached.
const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// What a script of the sub-domain writes for one of our cookies; the browser applies its rules for `__Host-` to the
/// name as it stands, and to no name that only decodes to it.
const SPELLINGS: &[&str] = &[
    "__Host-{name}={value}", "=__Host-{name}={value}", "__host-{name}={value}", "__%48ost-{name}={value}",
    "%5F%5FHost-{name}={value}", "__Host%2D{name}={value}", "\u{2000}__Host-{name}={value}",
    "\u{a0}__Host-{name}={value}", "\u{feff}__Host-{name}={value}", "\u{85}__Host-{name}={value}",
];

#[actix_web::test]
async fn a_sister_sub_domain_plants_no_session() {
    let server = Server::start("id.app.localhost");
    let album = Album::open();
    let add =
        ["client", "add", "--json", "--name", "Album", "--native", "--public", "--redirect-uri", CALLBACK];
    let client = server.shell.run(&add).good().json();
    for login in ["ada", "mallory"] {
        server.shell.user(login);
    }
    let query = request(client["client_id"].as_str().unwrap(), CALLBACK);
    let authorize = url::Url::parse_with_params(&format!("{}/authorize", server.issuer), query).unwrap();
    let profile = Profile { any_certificate: true, ..Profile::default() };

    let attacker = Chromium::start_with(profile).await;
    attacker.open(authorize.as_str()).await;
    fill_in(&attacker, "mallory", "wistful otter paints").await;
    attacker.at(&format!("{}/consent", server.issuer)).await;
    let stolen = attacker.cookies().await;
    attacker.finish().await;

    let victim = Chromium::start_with(profile).await;
    let sister = album.at("/").replace("localhost", "evil.app.localhost");
    victim.open(&sister).await;
    for cookie in &stolen {
        let Some(name) = cookie.name().strip_prefix("__Host-") else { continue };
        for (spelling, path) in
            SPELLINGS.iter().flat_map(|spelling| [(spelling, "/"), (spelling, "/authorize")])
        {
            let pair = spelling.replace("{name}", name).replace("{value}", cookie.value());
            let planted = format!("{pair}; Domain=app.localhost; Path={path}");
            victim.run(&format!("document.cookie = {}", json!(planted))).await;
            victim.run(&format!("document.cookie = {}", json!(format!("{planted}; Secure")))).await;
        }
    }
    let planted = victim.ask("document.cookie").await;
    let planted = planted.as_str().unwrap();
    assert!(planted.contains("__%48ost-sid=") && planted.contains("\u{2000}__Host-sid="), "{planted}");
    assert!(
        !planted.split("; ").any(|pair| pair.starts_with("__Host-")),
        "the browser's own rule: {planted}"
    );

    victim.open(authorize.as_str()).await;
    victim.at(&format!("{}/login", server.issuer)).await;
    // And nothing that was planted keeps the person out.
    fill_in(&victim, "ada", "wistful otter paints").await;
    victim.at(&format!("{}/consent", server.issuer)).await;
    assert!(victim.text(".person").await.contains("ada"));
    victim.open(&format!("{}/", server.issuer)).await;
    let home = victim.text("main").await;
    assert!(home.contains("ada") && !home.contains("mallory"), "{home}");
    victim.finish().await;
    let done = server.end();
    assert_eq!(done.code, 0, "{}", done.err);
}
