//! Redirect URIs: what may be registered, what matches, and how a mismatch is explained.

use countersign::protocol::redirect_uri::ApplicationType::{Native, Web};
use countersign::protocol::redirect_uri::Difference as D;
use countersign::protocol::redirect_uri::RedirectUriFault::{
    DoubleEncoded, Fragment, Loopback, NotAbsolute, NotAscii, Scheme, SchemeMissing, UserInfo, Wildcard,
};
use countersign::protocol::redirect_uri::{ApplicationType, Mismatch, RedirectUri};
use proptest::prelude::*;

fn uri(text: &str) -> RedirectUri {
    serde_json::from_value(text.into()).unwrap()
}

#[test]
fn registration_says_what_is_wrong() {
    let long = format!("https://app.example/{}", "x".repeat(2048));
    for (text, web, native) in [
        ("https://app.example/cb", Ok(()), Ok(())),
        ("https://app.example:8443/cb?x=1&y=%20", Ok(()), Ok(())),
        ("https://app.example", Ok(()), Ok(())),
        ("https://[2001:db8::1]/cb", Ok(()), Ok(())),
        ("http://app.example/cb", Err(Scheme), Err(Scheme)),
        ("https://localhost/cb", Err(Loopback), Ok(())),
        ("https://127.0.0.1/cb", Err(Loopback), Ok(())),
        ("https://app.localhost/cb", Err(Loopback), Ok(())),
        ("http://localhost/cb", Err(Loopback), Ok(())),
        ("http://127.0.0.1:3000/cb", Err(Loopback), Ok(())),
        ("http://[::1]/cb", Err(Loopback), Ok(())),
        ("http://app.localhost/cb", Err(Loopback), Err(Loopback)),
        ("http://127.0.0.2/cb", Err(Loopback), Err(Loopback)),
        ("http://127.0.0.1.evil.example/", Err(Scheme), Err(Scheme)),
        ("com.example.app:/cb", Err(Scheme), Ok(())),
        ("com.example.app://cb", Err(Scheme), Ok(())),
        ("myapp:/cb", Err(Scheme), Err(Scheme)),
        ("javascript:alert(1)", Err(Scheme), Err(Scheme)),
        ("data:text/html,x", Err(Scheme), Err(Scheme)),
        ("file:///etc/passwd", Err(Scheme), Err(Scheme)),
        ("blob:https://app.example/x", Err(Scheme), Err(Scheme)),
        ("about:blank", Err(Scheme), Err(Scheme)),
        ("vbscript:x", Err(Scheme), Err(Scheme)),
        ("https://app.example/cb#x", Err(Fragment), Err(Fragment)),
        ("https://app.example/cb#", Err(Fragment), Err(Fragment)),
        ("https://u@app.example/cb", Err(UserInfo), Err(UserInfo)),
        ("https://u:p@app.example/cb", Err(UserInfo), Err(UserInfo)),
        ("https://app.example@evil.example/cb", Err(UserInfo), Err(UserInfo)),
        ("http://127.0.0.1:80@evil.example/", Err(UserInfo), Err(UserInfo)),
        ("https://*.app.example/cb", Err(Wildcard), Err(Wildcard)),
        ("https://app.example/*", Err(Wildcard), Err(Wildcard)),
        ("/cb", Err(NotAbsolute), Err(NotAbsolute)),
        ("app.example/cb", Err(SchemeMissing), Err(SchemeMissing)),
        ("//app.example/cb", Err(SchemeMissing), Err(SchemeMissing)),
        ("", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/c b", Err(NotAbsolute), Err(NotAbsolute)),
        ("localhost:3000/cb", Err(SchemeMissing), Err(SchemeMissing)),
        ("app.example:8443/cb", Err(SchemeMissing), Err(SchemeMissing)),
        ("[::1]:3000/cb", Err(SchemeMissing), Err(SchemeMissing)),
        ("localhost", Err(SchemeMissing), Err(SchemeMissing)),
        ("cé", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/c é", Err(NotAbsolute), Err(NotAbsolute)),
        (" https://app.example/cb", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/cb\n", Err(NotAbsolute), Err(NotAbsolute)),
        ("ht\ttps://app.example/cb", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example\\@evil.example/", Err(NotAbsolute), Err(NotAbsolute)),
        ("https:\\\\app.example/cb", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/<id>", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/{id}", Err(NotAbsolute), Err(NotAbsolute)),
        ("https://app.example/cb?x=\"", Err(NotAbsolute), Err(NotAbsolute)),
        (&long, Err(NotAbsolute), Err(NotAbsolute)),
    ] {
        for (kind, expected) in [(Web, &web), (Native, &native)] {
            assert_eq!(RedirectUri::register(text, kind, false).map(drop), *expected, "{kind:?} {text}");
        }
        // Development mode opens loopback hosts, to everybody, and nothing else.
        let opened = |expected: Result<(), _>| if expected == Err(Loopback) { Ok(()) } else { expected };
        assert_eq!(RedirectUri::register(text, Web, true).map(drop), opened(web), "development: {text}");
    }
}

/// What cannot be registered as it stands, and how it is written: the message says both.
#[test]
fn registration_says_how_to_write_it() {
    let not_ascii = |character, ascii: &str| NotAscii { character, ascii: ascii.into() };
    for (text, fault, said) in [
        (
            "https://bücher.example/cb",
            not_ascii('ü', "https://xn--bcher-kva.example/cb"),
            "'ü' (U+00FC) is outside of it: write https://xn--bcher-kva.example/cb",
        ),
        (
            "https://app.example/cé?x=ß",
            not_ascii('é', "https://app.example/c%C3%A9?x=%C3%9F"),
            "'é' (U+00E9) is outside of it: write https://app.example/c%C3%A9?x=%C3%9F",
        ),
        (
            "https%3A%2F%2Fapp.example%2Fcb",
            DoubleEncoded("https://app.example/cb".into()),
            "once too often: write https://app.example/cb",
        ),
        ("localhost:3000/cb", SchemeMissing, "the scheme is missing"),
    ] {
        for kind in [Web, Native] {
            let found = RedirectUri::register(text, kind, true).unwrap_err();
            assert!(found.to_string().contains(said), "{found}");
            assert_eq!(found, fault, "{kind:?} {text}");
        }
    }
}

/// A registered URI, then what matches it and what must not.
#[test]
fn only_the_same_bytes_match() {
    let registered = "https://app.example/cb?tenant=a";
    for kind in [Web, Native] {
        assert!(uri(registered).matches(registered, kind));
        for sent in [
            "",
            "https://app.example/cb",
            "https://app.example/cb?tenant=a&x=1",
            "https://app.example/cb?tenant=b",
            "https://app.example/cb?tenant=%61",
            "https://app.example/cb/?tenant=a",
            "https://app.example:443/cb?tenant=a",
            "https://APP.example/cb?tenant=a",
            "HTTPS://app.example/cb?tenant=a",
            "http://app.example/cb?tenant=a",
            "https://app.example/CB?tenant=a",
            "https://app.example/x/../cb?tenant=a",
            "https://app.example/cb?tenant=a#",
            "https://app.example/cb?tenant=a ",
            "https://app.example./cb?tenant=a",
            "https://app.example@evil.example/cb?tenant=a",
            "https://app.example.evil.example/cb?tenant=a",
            "https://app.example:8443/cb?tenant=a",
        ] {
            assert!(!uri(registered).matches(sent, kind), "{kind:?} {sent}");
        }
    }
}

#[test]
fn a_native_loopback_address_matches_on_any_port_and_on_nothing_else() {
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let registered = format!("http://{host}:4000/cb?x=1");
        let without = format!("http://{host}/cb?x=1");
        for sent in ["", ":1", ":80", ":4001", ":65535"] {
            let sent = format!("http://{host}{sent}/cb?x=1");
            assert!(
                uri(&registered).matches(&sent, Native) && uri(&without).matches(&sent, Native),
                "{sent}"
            );
            assert_eq!(uri(&registered).matches(&sent, Web), sent == registered, "{sent}");
        }
        for tail in [
            ":/cb?x=1", ":123456/cb?x=1", ":65536/cb?x=1", ":99999/cb?x=1", ":+80/cb?x=1", ":-1/cb?x=1",
            ":80a/cb?x=1", ":8 0/cb?x=1", ":٣/cb?x=1", ":80:80/cb?x=1", ":80@evil.example/cb?x=1",
            ":80\\@evil.example/cb?x=1", "@evil.example/cb?x=1", ".evil.example/cb?x=1",
            ":80.evil.example/cb?x=1", "x/cb?x=1", "%2eevil.example/cb?x=1", "\\.evil.example/cb?x=1",
            ":80#/cb?x=1", "#@evil.example/cb?x=1", ":80/cb?x=1#frag", ":80/cb?x=1&y=2", ":80/cb?x=2",
            ":80/cb", ":80/CB?x=1", ":80//cb?x=1", ":80/cb/?x=1", ":80?x=1", ":80", "",
        ] {
            let sent = format!("http://{host}{tail}");
            assert!(!uri(&registered).matches(&sent, Native), "{sent}");
            assert!(!uri(&without).matches(&sent, Native), "{sent}");
        }
        for other in [
            "127.0.0.1", "[::1]", "localhost", "127.0.0.2", "[::2]", "127.1", "[0:0:0:0:0:0:0:1]",
            "LOCALHOST",
        ] {
            let sent = format!("http://{other}:4001/cb?x=1");
            assert_eq!(uri(&registered).matches(&sent, Native), other == host, "{registered} {sent}");
        }
        for scheme in ["https", "HTTP", "ftp", "com.example.app"] {
            assert!(!uri(&registered).matches(&format!("{scheme}://{host}:80/cb?x=1"), Native), "{scheme}");
        }
        let secure = uri(&format!("https://{host}:4000/cb"));
        assert!(!secure.matches(&format!("https://{host}:4001/cb"), Native), "the exception is for http");
    }
    let far = uri("http://app.example:4000/cb");
    assert!(!far.matches("http://app.example:4001/cb", Native), "and for this machine");
    let private = uri("com.example.app:/cb");
    assert!(private.matches("com.example.app:/cb", Native) && !private.matches("com.example.app:/c", Native));
}

fn port() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), (1..=65535u32).prop_map(|port| format!(":{port}"))]
}

fn host() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["127.0.0.1", "[::1]", "localhost", "app.example"]).prop_map(Into::into)
}

proptest! {
    /// Whatever is sent: it matches only when it is the same bytes, or native http on the same loopback
    /// literal with the same path and query. The second opinion is a URL parser's.
    #[test]
    fn nothing_else_ever_matches(
        host in host(), port in port(), path in "(/[a-z.%@:#\\\\]{0,6}){0,2}", query in "(\\?[a-z=@#/]{0,5})?",
        noise in "[a-z0-9.:@#/\\\\?%\\[\\]]{0,12}", native in any::<bool>(),
    ) {
        let registered = "http://127.0.0.1:4000/cb";
        let kind = if native { Native } else { Web };
        for sent in [
            format!("http://{host}{port}{path}{query}"), format!("http://127.0.0.1{noise}/cb"),
            format!("http://127.0.0.1:4000{noise}"), format!("http://{noise}127.0.0.1/cb"), noise,
        ] {
            if !uri(registered).matches(&sent, kind) || sent == registered {
                continue;
            }
            prop_assert_eq!(kind, Native);
            let url = url::Url::parse(&sent).unwrap();
            prop_assert_eq!((url.scheme(), url.host_str(), url.path()), ("http", Some("127.0.0.1"), "/cb"));
            prop_assert_eq!((url.query(), url.fragment(), url.username(), url.password()), (None, None, "", None));
        }
    }

    #[test]
    fn a_registered_address_matches_itself(host in host(), port in port(), path in "(/[a-z]{0,5}){0,3}") {
        let text = format!("https://{host}{port}{path}");
        for kind in [Web, Native] {
            prop_assert!(uri(&text).matches(&text, kind));
        }
    }

    #[test]
    fn explaining_never_panics(sent in "\\PC{0,40}", registered in "\\PC{0,40}") {
        let list = [uri(&registered), uri("https://app.example/cb")];
        let said = Mismatch::explain(list.iter(), &sent);
        prop_assert!(said.nearest.is_some() && !said.differs.is_empty());
    }
}

#[test]
fn a_mismatch_names_the_nearest_and_what_differs() {
    let registered = "https://app.example/callback";
    for (registered, sent, differs) in [
        (registered, "https://app.example/callback/", &[D::TrailingSlash][..]),
        ("https://app.example", "https://app.example/", &[D::TrailingSlash]),
        (registered, "http://app.example/callback", &[D::Scheme]),
        (registered, "https://app.example:8443/callback", &[D::Port]),
        (registered, "https://app.example/Callback", &[D::Case]),
        (registered, "https://APP.example/callback", &[D::Case]),
        (registered, "https://app.example//callback", &[D::DoubleSlash]),
        (registered, "https://app.example/oidc/callback", &[D::Path]),
        (registered, "https://app.example/callback?next=/", &[D::Query]),
        (registered, "https://app.example/callback#top", &[D::Fragment]),
        (registered, "https://www.app.example/callback", &[D::Host]),
        (registered, "https://app.example:443/callback", &[D::Encoding]),
        (registered, "https://www.app.example/Callback?x", &[D::Host, D::Case, D::Query]),
        (registered, "/callback", &[D::NotAbsolute]),
        (registered, "", &[D::NotAbsolute]),
        ("http://localhost:3000/cb", "http://127.0.0.1:3000/cb", &[D::Localhost]),
        ("http://localhost:3000/cb", "http://[::1]:4000/cb", &[D::Localhost, D::Port]),
        ("http://localhost:3000/cb", "https://localhost:3000/cb", &[D::Scheme]),
        ("http://localhost:3000/cb", "localhost:3000/cb", &[D::SchemeMissing]),
        ("http://localhost:3000/cb", "localhost:4000/cb", &[D::SchemeMissing, D::Port]),
        (registered, "//app.example/callback", &[D::SchemeMissing]),
        (registered, "app.example/call", &[D::SchemeMissing, D::Path]),
        (registered, "https%3A%2F%2Fapp.example%2Fcallback", &[D::DoubleEncoded]),
        (registered, "https%3A%2F%2Fapp.example%2Fcall", &[D::DoubleEncoded, D::Path]),
        ("https://app.example/cb?x=a%20b", "https://app.example/cb?x=a%2520b", &[D::DoubleEncoded]),
        ("https://app.example/cb?x=a+b", "https://app.example/cb?x=a%2Bb", &[D::DoubleEncoded]),
        ("https://xn--bcher-kva.example/cb", "https://bücher.example/cb", &[D::NotAscii]),
        ("https://app.example/c%C3%A9", "https://app.example/cé", &[D::NotAscii]),
        (registered, "https://bücher.example/callback", &[D::NotAscii, D::Host]),
    ] {
        let said = Mismatch::explain([uri(registered)].iter(), sent);
        assert_eq!(said.differs, differs, "{registered} {sent}");
        assert_eq!((said.sent.as_str(), said.nearest.as_deref()), (sent, Some(registered)));
    }
}

#[test]
fn a_character_outside_ascii_is_named_and_written() {
    let said = Mismatch::explain([uri("https://app.example/cb")].iter(), "https://bücher.example/cb");
    let cause = said.cause("redirect_uri").to_string();
    let written = r#"character "'ü' (U+00FC)"; in ASCII "https://xn--bcher-kva.example/cb""#;
    assert!(cause.contains(written), "{cause}");
}

#[test]
fn of_several_the_one_with_the_fewest_differences_is_nearest() {
    let list = [
        "https://other.example/x", "https://app.example/cb", "https://app.example/callback",
        "http://localhost:1/",
    ]
    .map(uri);
    for (sent, nearest) in [
        ("https://app.example/callback/", "https://app.example/callback"),
        ("https://app.example/cb?x", "https://app.example/cb"),
        ("https://app.example/call", "https://app.example/callback"),
        ("http://127.0.0.1:1/", "http://localhost:1/"),
        ("https://other.example/y", "https://other.example/x"),
    ] {
        assert_eq!(Mismatch::explain(list.iter(), sent).nearest.as_deref(), Some(nearest), "{sent}");
    }
    let nothing = Mismatch::explain([].iter(), "https://app.example/cb");
    assert_eq!((nothing.nearest, nothing.differs), (None, vec![]));
}

#[test]
fn the_kind_of_client_is_written_in_lower_case() {
    for (text, kind) in [("web", Web), ("native", Native)] {
        assert_eq!(serde_json::from_value::<ApplicationType>(text.into()).unwrap(), kind);
    }
    assert!(serde_json::from_value::<ApplicationType>("Web".into()).is_err());
    assert_eq!(ApplicationType::default(), Web);
}
