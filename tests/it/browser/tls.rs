//! One story as in production: `countersign serve` with its own certificate, https, and cookies that are
//! bound to the host.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Child;

use fantoccini::cookies::Cookie;
use serde_json::Value;

use super::stage::{Album, fill_in};
use crate::cli::{Done, Shell};
use crate::support::certificates::self_signed;
use crate::support::chromium::{Chromium, Profile};
use crate::support::redis::free_port;
use crate::support::rp::CHALLENGE;

/// `countersign serve` for an https issuer; it is ended when dropped.
pub struct Server {
    pub shell: Shell,
    pub issuer: String,
    child: Option<Child>,
}

impl Server {
    pub fn start(host: &str) -> Server {
        let shell = Shell::new();
        let (cert, key) = self_signed(1, 2);
        let port = free_port();
        let issuer = format!("https://{host}:{port}");
        let settings = format!(
            "issuer = \"{issuer}\"\nlisten = \"localhost:{port}\"\ntls_cert = \"{}\"\ntls_key = \"{}\"\n",
            shell.file("cert.pem", cert),
            shell.file("key.pem", key)
        );
        shell.file("countersign.toml", settings);
        // A key that others can read is refused.
        fs::set_permissions(shell.path("key.pem"), Permissions::from_mode(0o600)).unwrap();
        let mut child = shell.command(&["serve", "--json"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = Server { shell, issuer, child: Some(child) };
        assert!(line.contains(&server.issuer), "it did not start: {line}");
        server
    }

    pub fn end(mut self) -> Done {
        let mut child = self.child.take().unwrap();
        child.stdin.take();
        let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        Done::of(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _gone = child.wait();
        }
    }
}

#[actix_web::test]
async fn over_tls_the_cookies_are_bound_to_the_host() {
    let server = Server::start("localhost");
    let album = Album::open();
    let callback = format!("{}/callback", album.at("").replace("localhost", "127.0.0.1"));
    let add =
        ["client", "add", "--json", "--name", "Album", "--native", "--public", "--redirect-uri", &callback];
    let client = server.shell.run(&add).good().json();
    let client_id = client["client_id"].as_str().unwrap();
    server.shell.user("ada");

    let chromium = Chromium::start_with(Profile { any_certificate: true, ..Profile::default() }).await;
    let query = [
        ("client_id", client_id),
        ("redirect_uri", &callback),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "a-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let request = url::Url::parse_with_params(&format!("{}/authorize", server.issuer), query).unwrap();
    chromium.open(request.as_str()).await;
    fill_in(&chromium, "ada", "wistful otter paints").await;
    chromium.at(&format!("{}/consent", server.issuer)).await;

    let mut cookies = chromium.cookies().await;
    cookies.sort_by_key(|cookie| cookie.name().to_owned());
    let names: Vec<&str> = cookies.iter().map(Cookie::name).collect();
    assert_eq!(names, ["__Host-browser", "__Host-device", "__Host-sid"]);
    for cookie in &cookies {
        assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)), "{cookie}");
        assert_eq!(cookie.same_site().map(|site| site.to_string()).as_deref(), Some("Lax"), "{cookie}");
        assert_eq!(cookie.path(), Some("/"), "{cookie}");
        // A cookie with a Domain would begin with a dot here.
        assert_eq!(cookie.domain(), Some("localhost"), "{cookie}");
        assert_eq!(cookie.expires().is_some(), cookie.name() != "__Host-sid", "{cookie}");
    }
    let headers = "fetch('/.well-known/openid-configuration').then(answer => answer.headers.get('strict-transport-security'))";
    assert_eq!(chromium.ask_later(headers).await, Value::from("max-age=31536000"));
    assert!(
        chromium.text(".notice").await.contains("this computer"),
        "a loopback address is worth a warning"
    );

    chromium.click("button[value=allow]").await;
    chromium.at(&callback).await;
    assert!(album.came_to("/callback").contains(&("iss".into(), server.issuer.clone())));
    chromium.finish().await;
    let done = server.end();
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(!done.err.contains("ERROR"), "{}", done.err);
}
