//! Every page with believable content, in every state worth looking at: checked by the page tests, and
//! written to a folder by `cargo run --example pages -- FOLDER` for a look with a browser.

use askama::Template;
use countersign::web::texts::Texts;
use countersign::web::views::{
    ClientCard, ConsentPage, ErrorPage, HomeAccount, HomeApp, HomePage, InterstitialPage, LoginPage,
    LoginProblem, ScopeLine, Shell, SignOutPage, SignedOutPage,
};

/// A name that would break any page that forgets to escape.
const HOSTILE: &str = r#""><script>alert(1)</script>"#;

/// Answers all sample pages: a file name without ending, and the document.
pub fn sample_pages() -> Vec<(String, String)> {
    let mut pages = login_pages();
    pages.extend(consent_pages());
    pages.extend(sign_out_pages());
    pages.extend(error_pages());
    pages.extend(home_pages());
    pages
}

/// The kinds of faults that have texts of their own.
pub const ERROR_KINDS: [(&str, u16, Option<&str>); 23] = [
    ("redirect-uri-missing", 400, Some("invalid_request")),
    ("redirect-uri-mismatch", 400, Some("invalid_request")),
    ("client-id-missing", 400, Some("invalid_request")),
    ("client-unknown", 400, Some("invalid_client")),
    ("parameter-repeated", 400, Some("invalid_request")),
    ("undecodable", 400, Some("invalid_request")),
    ("too-large", 413, Some("invalid_request")),
    ("response-type", 400, Some("invalid_request")),
    ("request-uri-invalid", 400, Some("invalid_request_uri")),
    ("request-not-supported", 400, Some("request_not_supported")),
    ("hint-invalid", 400, Some("invalid_request")),
    ("post-logout-mismatch", 400, Some("invalid_request")),
    ("ticket-expired", 400, None),
    ("ticket-tampered", 400, None),
    ("cookies-off", 400, None),
    ("cross-site", 403, None),
    ("method", 405, None),
    ("content-type", 415, None),
    ("not-found", 404, None),
    ("rate-limited", 429, None),
    ("state-down", 503, Some("temporarily_unavailable")),
    ("busy", 503, Some("temporarily_unavailable")),
    ("internal", 500, Some("server_error")),
];

fn shell() -> Shell {
    Shell {
        texts: Texts::english(),
        base: "/id".to_owned(),
        request_id: "0198c2b4-6f1e-7c55-9a37-2d1f0c9be481".to_owned(),
    }
}

fn client() -> ClientCard {
    ClientCard {
        name: "Field Notes".to_owned(),
        host: Some("notes.example".to_owned()),
        policy_uri: Some("https://notes.example/privacy".to_owned()),
        tos_uri: Some("https://notes.example/terms".to_owned()),
    }
}

fn hostile_client() -> ClientCard {
    ClientCard {
        name: HOSTILE.to_owned(),
        host: Some("an-extremely-long-host-name-that-does-not-fit.on.any.small.screen.example".to_owned()),
        policy_uri: Some(format!("https://evil.example/?{HOSTILE}")),
        tos_uri: None,
    }
}

fn page(name: &str, page: &impl Template) -> (String, String) {
    (name.to_owned(), page.render().expect("a page renders"))
}

fn login_pages() -> Vec<(String, String)> {
    let plain = LoginPage {
        shell: shell(),
        client: Some(client()),
        ticket: "t1.c2VhbGVk".to_owned(),
        username: String::new(),
        remember: false,
        problem: None,
        cancel: true,
    };
    let problem = |problem, username: &str| LoginPage {
        problem: Some(problem),
        username: username.to_owned(),
        remember: true,
        ..plain.clone()
    };
    vec![
        page("login", &plain),
        page("login-prefilled", &LoginPage { username: "ada".to_owned(), ..plain.clone() }),
        page("login-direct", &LoginPage { client: None, cancel: false, ..plain.clone() }),
        page("login-wrong", &problem(LoginProblem::WrongCredentials, "ada")),
        page("login-no-name", &problem(LoginProblem::Missing, "")),
        page("login-no-password", &problem(LoginProblem::Missing, "ada")),
        page("login-busy", &problem(LoginProblem::Busy, "ada")),
        page("login-state-down", &problem(LoginProblem::StateDown, "ada")),
        page(
            "login-hostile",
            &LoginPage { client: Some(hostile_client()), username: HOSTILE.to_owned(), ..plain },
        ),
    ]
}

fn consent_pages() -> Vec<(String, String)> {
    let standard = ["openid", "profile", "email"];
    let scopes =
        standard.into_iter().filter_map(|scope| ScopeLine::standard(Texts::english(), scope)).collect();
    let plain = ConsentPage {
        shell: shell(),
        client: client(),
        account: "ada@lovelace.example".to_owned(),
        scopes,
        loopback_warning: false,
        ticket: "t1.c2VhbGVk".to_owned(),
        switch_href: "/id/select?t=t1.c2VhbGVk".to_owned(),
    };
    let mut wary = ConsentPage { loopback_warning: true, ..plain.clone() };
    wary.scopes.extend(ScopeLine::standard(Texts::english(), "offline_access"));
    wary.scopes.push(ScopeLine { title: "Delete invoices".to_owned(), detail: None, sensitive: true });
    let bare = ConsentPage { scopes: Vec::new(), ..plain.clone() };
    let hostile = ConsentPage {
        client: hostile_client(),
        account: format!("{HOSTILE}@example"),
        scopes: vec![ScopeLine {
            title: HOSTILE.to_owned(),
            detail: Some(HOSTILE.to_owned()),
            sensitive: true,
        }],
        ..plain.clone()
    };
    vec![
        page("consent", &plain),
        page("consent-wary", &wary),
        page("consent-bare", &bare),
        page("consent-hostile", &hostile),
    ]
}

fn sign_out_pages() -> Vec<(String, String)> {
    let asked = SignOutPage {
        shell: shell(),
        account: Some("ada@lovelace.example".to_owned()),
        client: Some(client()),
        hidden: vec![("csrf".to_owned(), "bWFj".to_owned()), ("state".to_owned(), HOSTILE.to_owned())],
    };
    let unnamed = SignOutPage { account: None, client: None, ..asked.clone() };
    let again = Some(("Field Notes".to_owned(), "https://notes.example/".to_owned()));
    let url = "https://notes.example/callback?code=c&state=a%20b&iss=https%3A%2F%2Fid.example".to_owned();
    vec![
        page("sign-out", &asked),
        page("sign-out-unnamed", &unnamed),
        page("signed-out", &SignedOutPage { shell: shell(), href_again: again }),
        page("signed-out-nowhere", &SignedOutPage { shell: shell(), href_again: None }),
        page(
            "interstitial",
            &InterstitialPage { shell: shell(), client_name: "Field Notes".to_owned(), url },
        ),
    ]
}

fn error_pages() -> Vec<(String, String)> {
    let texts = Texts::english();
    let values = [("name", "scope"), ("seconds", "30"), ("client", "Field Notes")];
    let kind = |(kind, status, code): (&str, u16, Option<&str>)| ErrorPage {
        shell: shell(),
        status,
        title: texts.get(&format!("error-{kind}-title")),
        what: texts.with(&format!("error-{kind}-what"), &values),
        next: texts.get(&format!("error-{kind}-next")),
        code: code.map(str::to_owned),
        details: Vec::new(),
        back: None,
    };
    let mut pages: Vec<_> =
        ERROR_KINDS.iter().map(|fault| page(&format!("error-{}", fault.0), &kind(*fault))).collect();
    let details = [
        ("detail-got", "https://notes.example/callback/?next=<here>".to_owned()),
        ("detail-nearest", "https://notes.example/callback".to_owned()),
        ("detail-differs", texts.get("differs-trailing-slash")),
    ];
    let explained = ErrorPage {
        details: details.into_iter().map(|(label, value)| (texts.get(label), value)).collect(),
        ..kind(ERROR_KINDS[1])
    };
    let expired = ErrorPage {
        next: texts.with("error-ticket-expired-next-client", &values),
        back: Some(("Field Notes".to_owned(), "https://notes.example/".to_owned())),
        ..kind(ERROR_KINDS[12])
    };
    pages.push(page("error-explained", &explained));
    pages.push(page("error-with-way-back", &expired));
    pages
}

fn home_pages() -> Vec<(String, String)> {
    let account = |name: &str, login: &str| HomeAccount {
        name: name.to_owned(),
        login: login.to_owned(),
        since: "today, 09:41".to_owned(),
    };
    let app = |name: &str, host: &str, opens: bool| HomeApp {
        name: name.to_owned(),
        url: opens.then(|| format!("https://{host}/")),
        host: Some(host.to_owned()),
    };
    let signed_in = HomePage {
        shell: shell(),
        accounts: vec![
            account("Ada Lovelace", "ada"),
            account("Éva Königsberg-Hallström", "eva@work.example"),
        ],
        apps: vec![
            app("Field Notes", "notes.example", true),
            app("Ledger", "ledger.example", true),
            app("Build server", "ci.internal.example", false),
        ],
        csrf: "bWFj".to_owned(),
        development: false,
        registered_clients: 3,
    };
    let nobody = HomePage { accounts: Vec::new(), apps: Vec::new(), ..signed_in.clone() };
    let without_apps = HomePage { apps: Vec::new(), ..signed_in.clone() };
    let first_steps = HomePage { development: true, registered_clients: 0, ..nobody.clone() };
    vec![
        page("home", &signed_in),
        page("home-nobody", &nobody),
        page("home-without-apps", &without_apps),
        page("home-first-steps", &first_steps),
    ]
}
