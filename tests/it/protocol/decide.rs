//! What is to happen with a request: every combination that matters, and rules that hold for all.

use countersign::ids::SessionId;
use countersign::protocol::authorize::{Decision, Done, PARAMS, Request, candidate, decide, establish};
use countersign::protocol::client::Client;
use countersign::protocol::consent;
use countersign::protocol::failure::AuthorizeFailure;
use countersign::protocol::reply::Response;
use countersign::protocol::resource::Resources;
use countersign::protocol::scope::Scope;
use countersign::protocol::session::Account;
use proptest::prelude::*;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{client, params};
use crate::support::rp::CHALLENGE;

const REDIRECT: &str = "https://app.example/cb";

fn app(first_party: bool) -> Client {
    client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "first_party": first_party }))
}

fn request(client: &Client, more: &[(&str, &str)], hint: Option<&str>) -> Request {
    let usual = [
        ("client_id", "app"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    let pairs: Vec<(&str, &str)> = kept.chain(more.iter().copied()).collect();
    let params = params(&pairs, &PARAMS);
    let reply_to = establish(&params, client, "https://id.example").unwrap();
    let request = Request::parse(&params, client, &Resources::default(), reply_to).unwrap();
    match hint {
        Some(sub) => request.with_hint(sub.into()),
        None => request,
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

/// A person who authenticated this many seconds ago.
fn account(user_id: &str, seconds_ago: i64) -> Account {
    Account {
        session_id: SessionId::from_bytes(&[user_id.as_bytes()[0]; 16]).unwrap(),
        user_id: user_id.into(),
        auth_time: now() - Duration::seconds(seconds_ago),
        acr: "1".into(),
        amr: vec!["pwd".into()],
        ends: now() + Duration::hours(1),
        consents: vec![],
    }
}

fn outcome(
    request: &Request,
    client: &Client,
    done: &Done,
    accounts: &[Account],
    consented: bool,
) -> &'static str {
    match decide(request, client, done, candidate(request, done, accounts), consented, now()) {
        Decision::Login => "login",
        Decision::Consent(_) => "consent",
        Decision::Issue(_) => "issue",
        Decision::Refuse(error) => error.code,
    }
}

fn login_of(account: &Account) -> Done {
    Done { login: Some(account.session_id), consent: None }
}

type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a [&'a Account], bool, &'a str);

/// One row each: what the request says, who is signed in, whether consent is in force → what happens.
#[test]
fn who_is_asked_for_what() {
    let (ada, old_ada, eve) = (account("ada", 10), account("ada", 4000), account("eve", 20));
    let rows: &[Row<'_>] = &[
        // Nobody is signed in.
        (&[], None, &[], false, "login"),
        (&[], None, &[], true, "login"),
        (&[("prompt", "none")], None, &[], true, "login_required"),
        (&[("prompt", "consent")], None, &[], true, "login"),
        (&[("max_age", "60")], None, &[], true, "login"),
        (&[("prompt", "none")], Some("ada"), &[], true, "login_required"),
        // Somebody is.
        (&[], None, &[&ada], true, "issue"),
        (&[], None, &[&ada], false, "consent"),
        (&[("prompt", "none")], None, &[&ada], true, "issue"),
        (&[("prompt", "none")], None, &[&ada], false, "consent_required"),
        (&[("prompt", "consent")], None, &[&ada], true, "consent"),
        (&[("prompt", "login")], None, &[&ada], true, "login"),
        (&[("prompt", "login consent")], None, &[&ada], true, "login"),
        // How old the authentication may be, to the second.
        (&[("max_age", "10")], None, &[&ada], true, "issue"),
        (&[("max_age", "9")], None, &[&ada], true, "login"),
        (&[("max_age", "0")], None, &[&ada], true, "login"),
        (&[("max_age", "3600")], None, &[&old_ada], true, "login"),
        (&[("max_age", "99999999999999999999999")], None, &[&old_ada], true, "issue"),
        (&[("max_age", "9"), ("prompt", "none")], None, &[&ada], true, "login_required"),
        (&[("max_age", "9"), ("prompt", "none")], None, &[&ada], false, "login_required"),
        // Who is meant.
        (&[], Some("ada"), &[&ada], true, "issue"),
        (&[], Some("eve"), &[&ada], true, "login"),
        (&[], Some("eve"), &[&ada, &eve], true, "issue"),
        (&[("prompt", "none")], Some("eve"), &[&ada], true, "login_required"),
        (&[("prompt", "none")], Some("eve"), &[&ada, &eve], true, "issue"),
    ];
    let third_party = app(false);
    for (more, hint, accounts, consented, expected) in rows {
        let accounts: Vec<Account> = accounts.iter().map(|account| (*account).clone()).collect();
        let said = outcome(
            &request(&third_party, more, *hint),
            &third_party,
            &Done::default(),
            &accounts,
            *consented,
        );
        assert_eq!(
            said,
            *expected,
            "{more:?} hint {hint:?} accounts {} consented {consented}",
            accounts.len()
        );
        // An application of the operator's own never asks for consent, and differs in nothing else.
        let first_party = app(true);
        let said = outcome(
            &request(&first_party, more, *hint),
            &first_party,
            &Done::default(),
            &accounts,
            *consented,
        );
        let expected = if expected.starts_with("consent") { "issue" } else { expected };
        assert_eq!(said, expected, "first party: {more:?}");
    }
}

#[test]
fn what_was_done_for_this_request_counts() {
    let client = app(false);
    let (ada, eve) = (account("ada", 0), account("eve", 5));
    let both = [ada.clone(), eve.clone()];
    let asked = |more: &[(&str, &str)], hint| request(&client, more, hint);
    let login = [("prompt", "login")];
    // Signing in meets prompt=login and max_age, however long ago it was by now.
    let slow = [account("ada", 500)];
    for more in
        [&login[..], &[("max_age", "1")], &[("max_age", "0")], &[("prompt", "login"), ("max_age", "0")]]
    {
        let request = asked(more, None);
        assert_eq!(outcome(&request, &client, &login_of(&ada), &slow, true), "issue", "{more:?}");
        assert_eq!(outcome(&request, &client, &login_of(&ada), &slow, false), "consent", "{more:?}");
        assert_eq!(outcome(&request, &client, &Done::default(), &slow, true), "login", "{more:?}");
        // Another session's sign-in, or one that has ended, does not.
        assert_eq!(outcome(&request, &client, &login_of(&eve), &slow, true), "login", "{more:?}");
        assert_eq!(outcome(&request, &client, &login_of(&ada), &[], true), "login", "{more:?}");
    }
    // Who signed in for this request is who it is about, even when somebody else did so later.
    let request = asked(&[], None);
    assert_eq!(candidate(&request, &login_of(&eve), &both).unwrap().user_id, "eve");
    assert_eq!(candidate(&request, &Done::default(), &both).unwrap().user_id, "ada", "else the latest");
    // Whoever is chosen, the sign-in of another one does not count.
    let decided = decide(&asked(&login, None), &client, &login_of(&eve), Some(&ada), true, now());
    assert_eq!(decided, Decision::Login);
    // But the hinted one was meant.
    assert_eq!(outcome(&asked(&login, Some("ada")), &client, &login_of(&eve), &both, true), "login_required");
    assert_eq!(outcome(&asked(&login, Some("eve")), &client, &login_of(&eve), &both, true), "issue");
    // A consent counts for exactly what was shown.
    let shown = request.consent_fingerprint(&client, "ada");
    let allowed = |fingerprint: &str| Done { login: None, consent: Some(fingerprint.to_owned()) };
    assert_eq!(outcome(&request, &client, &allowed(&shown), &both, false), "issue");
    let again = asked(&[("prompt", "consent")], None);
    assert_eq!(outcome(&again, &client, &allowed(&shown), &both, false), "issue");
    for other in [
        request.consent_fingerprint(&client, "eve"),
        asked(&[("scope", "openid email")], None).consent_fingerprint(&client, "ada"),
        consent::fingerprint(
            "ada",
            &Client { id: "other".into(), ..client.clone() },
            &Scope::parse("openid"),
            &[],
        ),
        consent::fingerprint("ada", &client, &Scope::parse("openid"), &["https://api.example".into()]),
        String::new(),
    ] {
        assert_eq!(outcome(&request, &client, &allowed(&other), &both, false), "consent");
    }
}

#[test]
fn a_default_age_of_the_client_counts_when_the_request_has_none() {
    let client = client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "default_max_age": 60,
        "first_party": true }));
    let old = [account("ada", 61)];
    assert_eq!(outcome(&request(&client, &[], None), &client, &Done::default(), &old, true), "login");
    let more = [("max_age", "100")];
    assert_eq!(outcome(&request(&client, &more, None), &client, &Done::default(), &old, true), "issue");
}

#[test]
fn a_consent_fingerprint_tells_everything_apart() {
    let app = app(false);
    let another = Client { id: "other".into(), ..app.clone() };
    let later = Client { registered_at: app.registered_at + Duration::SECOND, ..app.clone() };
    let (a, b) = ("https://a.example", "https://b.example");
    let print = |who: &str, client: &Client, scope: &str, resources: &[&str]| {
        let resources: Vec<String> = resources.iter().map(|resource| (*resource).to_owned()).collect();
        consent::fingerprint(who, client, &Scope::parse(scope), &resources)
    };
    let mut prints = vec![print("u", &app, "openid email", &[a, b])];
    assert_eq!(prints[0].len(), 16);
    assert_eq!(print("u", &app, "email openid", &[b, a]), prints[0], "order says nothing");
    prints.extend([
        print("v", &app, "openid email", &[a, b]),
        print("u", &another, "openid email", &[a, b]),
        print("u", &later, "openid email", &[a, b]),
        print("u", &app, "openid", &[a, b]),
        print("u", &app, "openid email phone", &[a, b]),
        print("u", &app, "openid email", &[a]),
        print("u", &app, "openid email", &[]),
        print("u", &app, "openid", &["email", a, b]),
    ]);
    let all = prints.len();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), all);
}

/// What is answered where: a page before the place to answer is proven, that place afterwards.
#[test]
fn a_bad_request_is_answered_where_it_is_safe() {
    let client =
        client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "application_type": "web" }));
    let long = "x".repeat(8193);
    for (change, expected) in [
        (("redirect_uri", ""), "page redirect-uri-missing"),
        (("redirect_uri", "https://app.example/cb/"), "page redirect-uri-mismatch"),
        (("state", long.as_str()), "page too-large"),
        (("request", "x"), "request_not_supported"),
        (("request_uri", "x"), "request_uri_not_supported"),
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "unheard-of"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("max_age", "1.5"), "invalid_request"),
        (("max_age", "1e3"), "invalid_request"),
        (("max_age", "+1"), "invalid_request"),
        (("registration", "{}"), "registration_not_supported"),
        (("resource", "https://unknown.example"), "invalid_target"),
        (("nonce", &long[..1025]), "invalid_request"),
        (("nonce", &long[..1024]), "fine"),
        (("response_mode", "query"), "fine"),
        (("scope", "openid unheard-of"), "fine"),
        (("unheard_of", "x"), "fine"),
    ] {
        let usual = [
            ("client_id", "app"),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| *name != change.0);
        let pairs: Vec<(&str, &str)> = kept.chain([change]).collect();
        let params = params(&pairs, &PARAMS);
        let parsed = establish(&params, &client, "https://id.example")
            .and_then(|reply_to| Request::parse(&params, &client, &Resources::default(), reply_to));
        let said = match parsed {
            Ok(_) => "fine".to_owned(),
            Err(AuthorizeFailure::Page(page)) => format!("page {}", page.name()),
            Err(AuthorizeFailure::Reply { error, reply_to, .. }) => {
                let Response::Redirect(home) = reply_to.error(&error) else { panic!("no redirect") };
                assert!(home.starts_with(&format!("{REDIRECT}?error={}", error.code)), "{home}");
                assert!(home.contains("&state=s&iss=https%3A%2F%2Fid.example"), "{home}");
                error.code.to_owned()
            }
        };
        assert_eq!(said, expected, "{} = {}", change.0, &change.1[..change.1.len().min(40)]);
    }
}

prop_compose! {
    fn any_request()(
        prompt in prop::sample::select(vec![None, Some("none"), Some("login"), Some("consent"), Some("login consent")]),
        max_age in prop::option::of(0..100u32), hint in prop::option::of(prop::sample::select(vec!["ada", "eve"])),
        first_party in any::<bool>(),
    ) -> (Client, Request) {
        let client = app(first_party);
        let age = max_age.map(|age| age.to_string());
        let mut more = vec![];
        more.extend(prompt.map(|prompt| ("prompt", prompt)));
        more.extend(age.as_deref().map(|age| ("max_age", age)));
        let request = request(&client, &more, hint);
        (client, request)
    }
}

prop_compose! {
    fn any_accounts()(ages in prop::collection::vec((prop::sample::select(vec!["ada", "eve", "joe"]), 0..200i64), 0..4)) -> Vec<Account> {
        let mut accounts: Vec<Account> = vec![];
        for (name, age) in ages {
            if accounts.iter().all(|known| known.user_id != name) {
                accounts.push(account(name, age));
            }
        }
        accounts
    }
}

fn any_done() -> impl Strategy<Value = Done> {
    let login = prop::option::of(prop::sample::select(vec!["ada", "eve", "xxx"]));
    let consent = prop::option::of(prop::sample::select(vec!["ada", "eve", "nothing"]));
    (login, consent).prop_map(|(login, consent)| Done {
        login: login.map(|name| account(name, 0).session_id),
        consent: consent.map(|name| consent::fingerprint(name, &app(false), &Scope::parse("openid"), &[])),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rules_that_always_hold(
        (client, request) in any_request(), accounts in any_accounts(), done in any_done(), consented in any::<bool>(),
    ) {
        let chosen = candidate(&request, &done, &accounts);
        let decision = decide(&request, &client, &done, chosen, consented, now());
        let page = matches!(decision, Decision::Login | Decision::Consent(_));
        prop_assert!(!(request.prompt.none && page), "prompt=none shows nothing");
        if let Some(chosen) = chosen {
            prop_assert!(accounts.contains(chosen));
        }
        if let Decision::Issue(issued) = decision {
            prop_assert!(Some(issued) == chosen);
            let account = chosen.expect("a code is about somebody");
            let for_this = done.login == Some(account.session_id);
            prop_assert!(!request.prompt.login || for_this, "prompt=login asks for a new sign-in");
            let fresh = request.max_age.is_none_or(|most| !most.is_zero() && now() - account.auth_time <= most);
            prop_assert!(fresh || for_this, "max_age holds");
            prop_assert!(request.hinted_sub.as_ref().is_none_or(|sub| *sub == account.user_id), "the hinted one");
            let shown = done.consent == Some(request.consent_fingerprint(&client, &account.user_id));
            let agreed = client.metadata.first_party || shown || (consented && !request.prompt.consent);
            prop_assert!(agreed, "nobody is signed in to a stranger unasked");
        }
        // Meeting what is asked for leads on: nobody goes round in circles.
        if decision == Decision::Login && !accounts.is_empty() {
            let account = request.hinted_sub.as_ref().map_or(Some(&accounts[0]), |sub| accounts.iter().find(|a| a.user_id == *sub));
            if let Some(account) = account {
                let after = decide(&request, &client, &login_of(account), Some(account), consented, now());
                prop_assert!(after != Decision::Login);
            }
        }
        if let (Decision::Consent(_), Some(account)) = (&decision, chosen) {
            let done = Done { consent: Some(request.consent_fingerprint(&client, &account.user_id)), ..done.clone() };
            prop_assert_eq!(decide(&request, &client, &done, chosen, consented, now()), Decision::Issue(account));
        }
        // The sign-in of a session that is not here counts for nothing.
        let elsewhere = Done { login: Some(account("zoe", 0).session_id), ..done };
        let chosen = candidate(&request, &elsewhere, &accounts);
        let decision = decide(&request, &client, &elsewhere, chosen, consented, now());
        prop_assert!(!matches!(decision, Decision::Issue(_)) || !(request.prompt.login || request.max_age.is_some_and(Duration::is_zero)));
    }
}
