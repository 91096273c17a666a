//! Redirect URIs: which may be registered, what a registered one matches, and where an answer then goes.

use countersign::protocol::client::{Client, Metadata, Secrets};
use countersign::protocol::params::Params;
use countersign::protocol::redirect_uri::{ApplicationType, Mismatch, RedirectUri, is_loopback};
use countersign::protocol::reply::Response;
use countersign::protocol::request;
use time::OffsetDateTime;
use url::{Url, form_urlencoded};

use crate::input::texts;

const ISSUER: &str = "https://id.example";

/// The input is three lines: words (`native`, `dev`, `form_post`), what is registered, what is sent.
pub fn run(input: &[u8]) {
    let Some([kind, text, sent]) = texts::<3>(input) else { return };
    let native = kind.contains("native");
    let development = kind.contains("dev");
    let application_type = if native { ApplicationType::Native } else { ApplicationType::Web };
    let Ok(uri) = RedirectUri::register(text, application_type, development) else { return };
    is_sound(&uri, native, development);
    assert!(uri.as_str() == text && uri.matches(text, application_type), "{text:?} matches itself");
    let registered = Url::parse(text).expect("an absolute URL");
    if uri.matches(sent, application_type) && sent != text {
        only_the_port_differs(&registered, sent, native);
    }
    if sent != text {
        let said = Mismatch::explain([uri.clone()].iter(), sent);
        assert!(said.nearest.as_deref() == Some(text) && !said.differs.is_empty(), "{said:?}");
    }
    the_answer_goes_there(&uri, sent, application_type, kind.contains("form_post"));
}

/// A URI that can be registered is absolute, safe for browsers, and fits this type of client.
fn is_sound(uri: &RedirectUri, native: bool, development: bool) {
    let url = Url::parse(uri.as_str()).expect("an absolute URL");
    assert_eq!((url.fragment(), url.username(), url.password()), (None, "", None), "{uri}");
    assert!(uri.as_str().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*'), "{uri}");
    match url.scheme() {
        "https" => {
            assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{uri}");
            assert!(native || development || !is_loopback(&url), "{uri}");
        }
        "http" => assert!(is_loopback(&url) && (native || development), "{uri}"),
        scheme => {
            assert!(native && scheme.contains('.'), "{uri}");
            assert!(!["javascript", "data", "vbscript", "file", "blob", "about"].contains(&scheme));
        }
    }
    // A browser must not read another address from it than this parser does.
    assert!(!uri.as_str().contains('\\'), "{uri}: a browser may read it as a slash");
    let written = serde_json::to_string(uri).expect("text");
    assert_eq!(serde_json::from_str::<RedirectUri>(&written).expect("as written"), *uri);
}

/// Spec: RFC 8252 §7.3
fn only_the_port_differs(registered: &Url, sent: &str, native: bool) {
    assert!(native, "only a native client may vary anything: {sent:?}");
    let url = Url::parse(sent).unwrap_or_else(|error| panic!("{sent:?} matched: {error}"));
    assert_eq!((url.scheme(), url.host_str()), ("http", registered.host_str()), "{sent:?}");
    assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")), "{sent:?}");
    assert_eq!((url.path(), url.query()), (registered.path(), registered.query()), "{sent:?}");
    assert_eq!((url.fragment(), url.username(), url.password()), (None, "", None), "{sent:?}");
}

/// If a request is answered, the answer goes to exactly the bytes that were sent and matched: with the
/// parameters of the answer appended and nothing else changed, or posted there.
fn the_answer_goes_there(uri: &RedirectUri, sent: &str, application_type: ApplicationType, post: bool) {
    let metadata = Metadata { redirect_uris: vec![uri.clone()], application_type, ..Metadata::default() };
    let client = Client {
        id: "app".into(),
        secrets: Secrets::default(),
        disabled: false,
        registered_at: OffsetDateTime::UNIX_EPOCH,
        metadata,
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    let mode = if post { "form_post" } else { "query" };
    form.extend_pairs([("redirect_uri", sent), ("state", sent), ("response_mode", mode)]);
    let known = ["redirect_uri", "state", "response_mode"];
    let Ok(params) = Params::parse(form.finish().as_bytes(), &known) else { return };
    let Ok(reply_to) = request::reply_to(&params, &client, ISSUER) else {
        assert!(sent.is_empty() || sent.len() > 8192 || !uri.matches(sent, application_type), "{sent:?}");
        return;
    };
    assert!(uri.matches(sent, application_type), "{sent:?} is answered and does not match");
    let ours = [("code", "c0de"), ("state", sent), ("iss", ISSUER)];
    let to = match reply_to.success("c0de") {
        Response::Redirect(to) => to,
        Response::FormPost { to, fields } => {
            assert!(post && to == sent && (sent.starts_with("http://") || sent.starts_with("https://")));
            return assert!(
                fields.iter().map(|(name, value)| (*name, value.as_str())).eq(ours),
                "{fields:?}"
            );
        }
    };
    let (there, asked) = (Url::parse(&to).expect("an address"), Url::parse(sent).expect("it matched"));
    assert!(to.starts_with(sent), "{to:?}");
    assert_eq!((there.scheme(), there.host(), there.port()), (asked.scheme(), asked.host(), asked.port()));
    assert_eq!((there.path(), there.fragment()), (asked.path(), None), "{to:?}");
    let pairs: Vec<(String, String)> = there.query_pairs().into_owned().collect();
    let last = &pairs[pairs.len() - 3..];
    assert!(last.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(ours), "{pairs:?}");
}
