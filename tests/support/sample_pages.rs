//! Every page with believable content, in every state worth looking at: checked by the page tests, and
//! written to files by one of them for a look with a browser.

use std::collections::BTreeMap;

use askama::Template;
use countersign::endpoints::end_session::SignOutPage;
use countersign::pages::consent::ConsentPage;
use countersign::pages::device::view::{CodeProblem, ConfirmPage, DevicePage, DonePage};
use countersign::pages::home::{HomeAccount, HomeApp, HomePage};
use countersign::pages::login::view::{LoginPage, LoginProblem};
use countersign::pages::select::SelectPage;
use countersign::pages::signed_out::SignedOutPage;
use countersign::protocol::params::Undecodable;
use countersign::protocol::redirect_uri::Mismatch;
use countersign::protocol::refusal::OAuthError;
use countersign::protocol::request::Unanswerable;
use countersign::protocol::user_code::Mistyped;
use countersign::texts::Texts;
use countersign::web::answer::InterstitialPage;
use countersign::web::cards::{ClientCard, PersonCard};
use countersign::web::error_page::ErrorPage;
use countersign::web::failure::PageFailure;
use countersign::web::permissions::ScopeLine;
use countersign::web::reply::FormPostPage;
use countersign::web::shell::Shell;
use time::OffsetDateTime;
use time::macros::datetime;

/// A name that would break any page that forgets to escape.
const HOSTILE: &str = r#""><script>alert(1)</script>"#;

/// A name that is long without hostility, and one that no line can be broken in.
const LONG: &str =
    "Internationale Gesellschaft für Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau e. V.";

/// Answers all sample pages in every language: a file name without ending, and the document. English ones
/// have the plain name, all others end with their language: `login-de`.
pub fn sample_pages() -> Vec<(String, String)> {
    Texts::all().flat_map(pages_in).collect()
}

fn pages_in(texts: Texts) -> Vec<(String, String)> {
    let mut pages = login_pages(texts);
    pages.extend(select_pages(texts));
    pages.extend(consent_pages(texts));
    pages.extend(device_pages(texts));
    pages.extend(sign_out_pages(texts));
    pages.extend(error_pages(texts));
    pages.extend(home_pages(texts));
    let ending = if texts.lang() == "en" { String::new() } else { format!("-{}", texts.lang()) };
    pages.into_iter().map(|(name, html)| (name + &ending, html)).collect()
}

/// One of each kind of failure that has a page: a new kind does not compile before it has its place here.
pub fn failures() -> impl Iterator<Item = PageFailure> {
    use PageFailure as F;
    let kinds = std::iter::successors(Some(F::Undecodable(Undecodable::Escape)), |failure| {
        Some(match failure {
            F::Undecodable(_) => F::BodyTooLarge,
            F::BodyTooLarge => F::BodyIncomplete,
            F::BodyIncomplete => F::TargetTooLong,
            F::TargetTooLong => F::HeadTooLarge,
            F::HeadTooLarge => F::TicketExpired { back: None },
            F::TicketExpired { .. } => F::TicketTampered,
            F::TicketTampered => F::CookiesOff,
            F::CookiesOff => F::CrossSite(""),
            F::CrossSite(_) => F::NotNavigated,
            F::NotNavigated => F::Method("GET"),
            F::Method(_) => F::ContentType,
            F::ContentType => F::NotFound,
            F::NotFound => F::RateLimited { budget: "parked requests", until: OffsetDateTime::UNIX_EPOCH },
            F::RateLimited { .. } => F::StateDown("".into()),
            F::StateDown(_) => F::Busy("".into()),
            F::Busy(_) => F::Internal("".into()),
            F::Internal(_) | F::Unanswerable(_) => return None,
        })
    });
    kinds.chain(unanswerable().map(F::Unanswerable))
}

/// One of each kind of request that cannot be answered at its client.
fn unanswerable() -> impl Iterator<Item = Unanswerable> {
    use Unanswerable as U;
    let mismatch = || Mismatch { sent: String::new(), nearest: None, differs: Vec::new() };
    std::iter::successors(Some(U::RedirectUriMissing), move |failure| {
        Some(match failure {
            U::RedirectUriMissing => U::RedirectUriMismatch(mismatch()),
            U::RedirectUriMismatch(_) => U::ClientIdMissing,
            U::ClientIdMissing => U::ClientUnknown("".into()),
            U::ClientUnknown(_) => U::ParameterRepeated("scope"),
            U::ParameterRepeated(_) => U::ParameterTooLong("state"),
            U::ParameterTooLong(_) => U::NotSupported(OAuthError::new("request_not_supported", "")),
            U::NotSupported(_) => return None,
        })
    })
}

fn shell(texts: Texts) -> Shell {
    Shell {
        texts,
        base: "/id".to_owned(),
        request_id: "0198c2b4-6f1e-7c55-9a37-2d1f0c9be481".to_owned(),
        here: Some("/id/login?t=t1.c2VhbGVk".to_owned()),
    }
}

fn client() -> ClientCard {
    ClientCard {
        name: "Field Notes".to_owned(),
        host: Some("notes.example".to_owned()),
        logo: None,
        policy_uri: Some("https://notes.example/privacy".to_owned()),
        tos_uri: Some("https://notes.example/terms".to_owned()),
    }
}

fn hostile_client() -> ClientCard {
    ClientCard {
        name: HOSTILE.to_owned(),
        host: Some("an-extremely-long-host-name-that-does-not-fit.on.any.small.screen.example".to_owned()),
        logo: Some(format!("/id/assets/{HOSTILE}")),
        policy_uri: Some(format!("https://evil.example/?{HOSTILE}")),
        tos_uri: None,
    }
}

fn long_client() -> ClientCard {
    ClientCard { name: LONG.to_owned(), ..hostile_client() }
}

fn page(name: &str, page: &impl Template) -> (String, String) {
    (name.to_owned(), page.render().expect("a page renders"))
}

fn person(name: &str, login: &str) -> PersonCard {
    PersonCard { id: "dGhpcyBvbmU".to_owned(), name: name.to_owned(), login: login.to_owned() }
}

fn select_pages(texts: Texts) -> Vec<(String, String)> {
    let plain = SelectPage {
        shell: shell(texts),
        client: Some(client()),
        accounts: vec![person("Ada Lovelace", "ada"), person("eva@work.example", "eva@work.example")],
        ticket: "t1.c2VhbGVk".to_owned(),
    };
    let one = SelectPage { accounts: vec![person("Ada Lovelace", "ada")], ..plain.clone() };
    let six = [
        ("Ada Lovelace", "ada"),
        ("Eva Ostertag", "eva.ostertag@people.example"),
        ("Grace Hopper", "rear.admiral.grace.hopper@navy.people.example"),
        ("李小龍", "bruce"),
        ("مريم ميرزاخاني", "maryam@people.example"),
        ("Zoë", "zoë"),
    ];
    let six = six.map(|(name, login)| person(name, login));
    let six = SelectPage { accounts: six.to_vec(), ..plain.clone() };
    let long = SelectPage {
        client: Some(long_client()),
        accounts: vec![person(LONG, "ada"), person("Ada Lovelace", LONG), person(LONG, LONG)],
        ..plain.clone()
    };
    let hostile = SelectPage {
        client: Some(hostile_client()),
        accounts: vec![person(HOSTILE, HOSTILE)],
        ..plain.clone()
    };
    vec![
        page("select", &plain),
        page("select-one", &one),
        page("select-device", &SelectPage { client: None, ..plain.clone() }),
        page("select-six", &six),
        page("select-long", &long),
        page("select-hostile", &hostile),
    ]
}

fn login_pages(texts: Texts) -> Vec<(String, String)> {
    let plain = LoginPage {
        shell: shell(texts),
        client: Some(client()),
        ticket: "t1.c2VhbGVk".to_owned(),
        username: String::new(),
        remember: false,
        problem: None,
        now: OffsetDateTime::UNIX_EPOCH,
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
        page("login-wrong", &problem(LoginProblem::WrongCredentials, "ada")),
        page("login-no-name", &problem(LoginProblem::Missing, "")),
        page("login-no-password", &problem(LoginProblem::Missing, "ada")),
        page("login-busy", &problem(LoginProblem::Busy, "ada")),
        page("login-state-down", &problem(LoginProblem::StateDown, "ada")),
        page("login-too-many", &problem(LoginProblem::TooMany { until: OffsetDateTime::UNIX_EPOCH }, "ada")),
        page("login-device", &LoginPage { client: None, ..plain.clone() }),
        page(
            "login-long",
            &LoginPage { client: Some(long_client()), username: LONG.to_owned(), ..plain.clone() },
        ),
        page(
            "login-hostile",
            &LoginPage { client: Some(hostile_client()), username: HOSTILE.to_owned(), ..plain },
        ),
    ]
}

fn consent_pages(texts: Texts) -> Vec<(String, String)> {
    let standard = ["openid", "profile", "email"];
    let scopes = standard.into_iter().filter_map(|scope| ScopeLine::standard(texts, scope)).collect();
    let plain = ConsentPage {
        shell: shell(texts),
        client: client(),
        account: person("Ada Lovelace", "ada@lovelace.example"),
        scopes,
        loopback_warning: false,
        ticket: "t1.c2VhbGVk".to_owned(),
        switch_href: "/id/login?t=t1.c2VhbGVk&switch=1".to_owned(),
    };
    let mut wary = ConsentPage { loopback_warning: true, ..plain.clone() };
    wary.scopes.push(ScopeLine { title: "Delete invoices".to_owned(), detail: None });
    let hostile = ConsentPage {
        client: hostile_client(),
        account: person(HOSTILE, &format!("{HOSTILE}@example")),
        scopes: vec![ScopeLine { title: HOSTILE.to_owned(), detail: Some(HOSTILE.to_owned()) }],
        ..plain.clone()
    };
    let long = ConsentPage {
        client: long_client(),
        account: person(LONG, LONG),
        scopes: vec![ScopeLine { title: LONG.to_owned(), detail: Some(LONG.to_owned()) }],
        loopback_warning: true,
        ..plain.clone()
    };
    vec![
        page("consent", &plain),
        page("consent-wary", &wary),
        page("consent-long", &long),
        page("consent-hostile", &hostile),
    ]
}

fn device_pages(texts: Texts) -> Vec<(String, String)> {
    let now = OffsetDateTime::UNIX_EPOCH;
    let plain = DevicePage {
        shell: shell(texts),
        account: person("Ada Lovelace", "ada@lovelace.example"),
        switch_href: "/id/login?t=d.c2VhbGVk&switch=1".to_owned(),
        code: String::new(),
        problem: None,
        ticket: "d.c2VhbGVk".to_owned(),
        now,
    };
    let problem =
        |problem, code: &str| DevicePage { problem: Some(problem), code: code.to_owned(), ..plain.clone() };
    let scopes = ["openid", "profile", "email"];
    let confirm = ConfirmPage {
        shell: shell(texts),
        client: client(),
        code: "BCDF-GHJK".to_owned(),
        account: plain.account.clone(),
        switch_href: plain.switch_href.clone(),
        scopes: scopes.into_iter().filter_map(|scope| ScopeLine::standard(texts, scope)).collect(),
        network: Some("198.51.100.0/24".to_owned()),
        is_same_network: false,
        asked_at: datetime!(2026-03-07 09:41 UTC),
        ticket: "d.c2VhbGVk".to_owned(),
    };
    let near = ConfirmPage { is_same_network: true, ..confirm.clone() };
    let hostile = ConfirmPage {
        client: hostile_client(),
        code: HOSTILE.to_owned(),
        account: person(HOSTILE, HOSTILE),
        scopes: vec![ScopeLine { title: HOSTILE.to_owned(), detail: Some(LONG.to_owned()) }],
        network: None,
        ..confirm.clone()
    };
    let done = |approved| DonePage { shell: shell(texts), approved };
    vec![
        page("device", &plain),
        page("device-prefilled", &DevicePage { code: "BCDF-GHJK".to_owned(), ..plain.clone() }),
        page("device-missing", &problem(CodeProblem::Mistyped(Mistyped::Missing), "")),
        page("device-character", &problem(CodeProblem::Mistyped(Mistyped::Character('<')), HOSTILE)),
        page("device-length", &problem(CodeProblem::Mistyped(Mistyped::Length(7)), "BCDF-GHJ")),
        page("device-unknown", &problem(CodeProblem::Unknown, "BCDF-GHJK")),
        page("device-expired", &problem(CodeProblem::Expired, "BCDF-GHJK")),
        page("device-decided", &problem(CodeProblem::Decided, "BCDF-GHJK")),
        page("device-too-many", &problem(CodeProblem::TooMany { until: now }, "BCDF-GHJK")),
        page("device-confirm", &confirm),
        page("device-confirm-near", &near),
        page("device-confirm-long", &ConfirmPage { client: long_client(), ..confirm.clone() }),
        page("device-confirm-hostile", &hostile),
        page("device-approved", &done(true)),
        page("device-denied", &done(false)),
    ]
}

fn sign_out_pages(texts: Texts) -> Vec<(String, String)> {
    let signed_out = |stay, others| SignedOutPage { shell: shell(texts), stay, others };
    let asked = SignOutPage {
        shell: shell(texts),
        accounts: vec![person("ada@lovelace.example", "ada@lovelace.example")],
        client: Some(client()),
        hidden: vec![("csrf".to_owned(), "bWFj".to_owned()), ("state".to_owned(), HOSTILE.to_owned())],
    };
    let long =
        SignOutPage { accounts: vec![person(LONG, LONG)], client: Some(long_client()), ..asked.clone() };
    let unnamed = SignOutPage { accounts: vec![], client: None, ..asked.clone() };
    let two = vec![person("Ada Lovelace", "ada"), person(HOSTILE, "eva@work.example")];
    let several = SignOutPage { accounts: two, ..asked.clone() };
    let form_post = FormPostPage {
        shell: Shell { here: None, ..shell(texts) },
        client_name: "Field Notes".to_owned(),
        to: "https://notes.example/callback?at=home".to_owned(),
        fields: vec![("code", "c".to_owned()), ("state", HOSTILE.to_owned())],
    };
    let url = "https://notes.example/callback?code=c&state=a%20b&iss=https%3A%2F%2Fid.example".to_owned();
    vec![
        page("sign-out", &asked),
        page("sign-out-unnamed", &unnamed),
        page("sign-out-long", &long),
        page("sign-out-several", &several),
        page("signed-out", &signed_out(None, false)),
        page("signed-out-unregistered", &signed_out(Some("unregistered"), false)),
        page("signed-out-unnamed", &signed_out(Some("unnamed"), true)),
        page("signed-out-unclear", &signed_out(Some("unclear"), false)),
        page(
            "interstitial",
            &InterstitialPage {
                shell: Shell { here: None, ..shell(texts) },
                client_name: "Field Notes".to_owned(),
                url,
            },
        ),
        page("form-post", &form_post),
    ]
}

fn error_pages(texts: Texts) -> Vec<(String, String)> {
    let values = [("name", "scope"), ("minutes", "30"), ("time", "14:05"), ("client", "Field Notes")];
    let explain = |failure: &PageFailure| ErrorPage {
        shell: shell(texts),
        status: failure.status(),
        title: texts.get(&format!("error-{}-title", failure.name())),
        what: texts.with(&format!("error-{}-what", failure.name()), &values),
        next: texts.with(&format!("error-{}-next", failure.name()), &values),
        code: failure.code().map(str::to_owned),
        details: Vec::new(),
        back: None,
    };
    // Several kinds of failure may share their words.
    let kinds: BTreeMap<_, _> = failures().map(|failure| (failure.name(), explain(&failure))).collect();
    let mut pages: Vec<_> = kinds.iter().map(|(name, fault)| page(&format!("error-{name}"), fault)).collect();
    let details = [
        ("detail-got", vec!["https://notes.example/callback/?next=<here>".to_owned()]),
        ("detail-nearest", vec!["https://notes.example/callback".to_owned()]),
        ("detail-differs", vec![texts.get("differs-trailing-slash"), texts.get("differs-query")]),
    ];
    let explained = ErrorPage {
        details: details.into_iter().map(|(label, values)| (texts.get(label), values)).collect(),
        ..kinds["redirect-uri-mismatch"].clone()
    };
    let expired = ErrorPage {
        next: texts.with("error-ticket-expired-next-client", &values),
        back: Some(("Field Notes".to_owned(), "https://notes.example/".to_owned())),
        ..kinds["ticket-expired"].clone()
    };
    pages.push(page("error-explained", &explained));
    pages.push(page("error-with-way-back", &expired));
    pages
}

fn home_pages(texts: Texts) -> Vec<(String, String)> {
    let account = |name: &str, login: &str| HomeAccount {
        id: "dGhpcyBvbmU".to_owned(),
        name: name.to_owned(),
        login: login.to_owned(),
        since: datetime!(2026-03-07 09:41 UTC),
    };
    let app = |name: &str, host: &str| HomeApp {
        name: name.to_owned(),
        url: format!("https://{host}/"),
        host: Some(host.to_owned()),
    };
    let signed_in = HomePage {
        shell: shell(texts),
        accounts: vec![
            account("Ada Lovelace", "ada"),
            account("Éva Königsberg-Hallström", "eva@work.example"),
            account(LONG, LONG),
        ],
        apps: vec![
            app("Field Notes", "notes.example"),
            app("Ledger", "ledger.example"),
            app("Build server", "ci.internal.example"),
            app(LONG, "a-host-with-a-name-that-does-not-fit.on.any.small.screen.example"),
        ],
        csrf: "bWFj".to_owned(),
        development: false,
        first_steps: false,
    };
    let nobody = HomePage { accounts: Vec::new(), apps: Vec::new(), ..signed_in.clone() };
    let without_apps = HomePage { apps: Vec::new(), ..signed_in.clone() };
    let first_steps = HomePage { development: true, first_steps: true, ..nobody.clone() };
    vec![
        page("home", &signed_in),
        page("home-nobody", &nobody),
        page("home-without-apps", &without_apps),
        page("home-first-steps", &first_steps),
    ]
}
