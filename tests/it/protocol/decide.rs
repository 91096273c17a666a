//! What is to happen with a request: every combination that matters, and rules that hold for all.

use countersign::ids::SessionId;
use countersign::protocol::client::Client;
use countersign::protocol::consent::{self, Consent};
use countersign::protocol::decide::{Candidate, Decision, Done, SignIn, candidate, decide};
use countersign::protocol::request::{PARAMS, Request};
use countersign::protocol::resource::Resources;
use countersign::protocol::scope::Scope;
use countersign::protocol::session::Account;
use countersign::protocol::subject::Naming;
use countersign::secret::Key;
use proptest::prelude::*;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{client, params};
use crate::support::rp::{self, changed};

const REDIRECT: &str = "https://app.example/cb";

fn app(first_party: bool) -> Client {
    client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "first_party": first_party }))
}

fn request(client: &Client, more: &[(&str, &str)], hint: Option<&str>) -> Request {
    let params = params(&changed(rp::request("app", REDIRECT), more), &PARAMS);
    let request =
        Request::read(&params, client, &Resources::default(), REDIRECT, &Key::new([7; 32])).unwrap();
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
        remembered: false,
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
        Decision::Select => "select",
        Decision::Consent(_) => "consent",
        Decision::Issue(_) => "issue",
        Decision::Refuse(error) => error.code,
    }
}

/// A sign-in counts for the request it happened for, for an hour; one of the future is not believed.
#[test]
fn a_sign_in_counts_for_an_hour() {
    let (client, ada) = (app(true), account("ada", 5000));
    for more in [("prompt", "login"), ("max_age", "0"), ("max_age", "60")] {
        let request = request(&client, &[more], None);
        for (seconds, expected) in [
            (0, "issue"),
            (3600, "issue"),
            (3601, "login"),
            (86_000, "login"),
            (-30, "issue"),
            (-31, "login"),
        ] {
            let login = SignIn { session_id: ada.session_id, at: now() - Duration::seconds(seconds) };
            let done = Done { login: Some(login), ..Done::default() };
            assert_eq!(
                candidate(&request, &done, std::slice::from_ref(&ada)).one(),
                Some(&ada),
                "whom it is about stays"
            );
            let said = outcome(&request, &client, &done, std::slice::from_ref(&ada), true);
            assert_eq!(said, expected, "{more:?}, {seconds} s ago");
        }
    }
}

/// What a person is asked to allow.
fn to(scopes: &str, resources: &[&str], claims: &[&str]) -> Consent {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let claims = owned(claims).into_iter().collect();
    Consent { scopes: Scope::parse(scopes), resources: owned(resources), claims }
}

fn chosen(account: &Account) -> Done {
    Done { select: Some(account.session_id), ..Done::default() }
}

fn login_of(account: &Account) -> Done {
    Done { login: Some(SignIn { session_id: account.session_id, at: now() }), ..Done::default() }
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
        // Which of several is never guessed.
        (&[], None, &[&ada, &eve], true, "select"),
        (&[("prompt", "login")], None, &[&ada, &eve], true, "select"),
        (&[("prompt", "consent")], None, &[&ada, &eve], true, "select"),
        (&[("max_age", "0")], None, &[&ada, &eve], true, "select"),
        (&[("prompt", "none")], None, &[&ada, &eve], true, "account_selection_required"),
        (&[("prompt", "none")], Some("joe"), &[&ada, &eve], true, "login_required"),
        (&[("prompt", "select_account")], None, &[], true, "login"),
        (&[("prompt", "select_account")], None, &[&ada], true, "select"),
        (&[("prompt", "select_account login")], None, &[&ada], true, "select"),
        (&[("prompt", "select_account")], Some("eve"), &[&ada, &eve], true, "select"),
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
    assert_eq!(candidate(&request, &login_of(&eve), &both), Candidate::One(&eve));
    assert_eq!(candidate(&request, &Done::default(), &both), Candidate::Several);
    // Whoever is chosen, the sign-in of another one does not count.
    let decided = decide(&asked(&login, None), &client, &login_of(&eve), Candidate::One(&ada), true, now());
    assert_eq!(decided, Decision::Login);
    // But the hinted one was meant.
    assert_eq!(outcome(&asked(&login, Some("ada")), &client, &login_of(&eve), &both, true), "login_required");
    assert_eq!(outcome(&asked(&login, Some("eve")), &client, &login_of(&eve), &both, true), "issue");
    // A consent counts for exactly what was shown.
    let shown = request.consent_fingerprint(&client, "ada");
    let allowed = |fingerprint: &str| Done { consent: Some(fingerprint.to_owned()), ..chosen(&ada) };
    assert_eq!(outcome(&request, &client, &allowed(&shown), &both, false), "issue");
    let again = asked(&[("prompt", "consent")], None);
    assert_eq!(outcome(&again, &client, &allowed(&shown), &both, false), "issue");
    for other in [
        request.consent_fingerprint(&client, "eve"),
        asked(&[("scope", "openid email")], None).consent_fingerprint(&client, "ada"),
        consent::fingerprint(
            "ada",
            &Client { id: "other".into(), ..client.clone() },
            &to("openid", &[], &[]),
        ),
        consent::fingerprint("ada", &client, &to("openid", &["https://api.example"], &[])),
        consent::fingerprint("ada", &client, &to("openid", &[], &["name"])),
        String::new(),
    ] {
        assert_eq!(outcome(&request, &client, &allowed(&other), &both, false), "consent");
    }
}

#[test]
fn a_choice_counts_for_the_account_that_was_chosen() {
    let client = app(true);
    let (ada, eve) = (account("ada", 10), account("eve", 500));
    let both = [ada.clone(), eve.clone()];
    let said = |more: &[(&str, &str)], done: &Done| {
        outcome(&request(&client, more, None), &client, done, &both, true)
    };
    for more in [&[][..], &[("prompt", "select_account")], &[("max_age", "600")]] {
        assert_eq!(said(more, &chosen(&eve)), "issue", "{more:?}");
        assert_eq!(candidate(&request(&client, more, None), &chosen(&eve), &both), Candidate::One(&eve));
    }
    // The chosen one may still have to sign in, and what another one did counts for nothing.
    for more in [&[("max_age", "60")][..], &[("prompt", "login select_account")]] {
        assert_eq!(said(more, &chosen(&eve)), "login", "{more:?}");
        assert_eq!(said(more, &login_of(&eve)), "issue", "signing in is choosing: {more:?}");
        let mut done = login_of(&ada);
        done.selected(eve.session_id);
        assert_eq!((done.login, said(more, &done)), (None, "login"), "{more:?}");
        done.signed_in(eve.session_id, now());
        assert_eq!(said(more, &done), "issue", "{more:?}");
        done.selected(eve.session_id);
        assert_eq!(said(more, &done), "issue", "choosing oneself again undoes nothing: {more:?}");
        done.signed_in(ada.session_id, now());
        assert_eq!(candidate(&request(&client, more, None), &done, &both), Candidate::One(&ada));
    }
    // A chosen account that has gone is not replaced by another.
    let gone = chosen(&account("joe", 0));
    assert_eq!(said(&[], &gone), "login");
    assert_eq!(
        outcome(&request(&client, &[], Some("ada")), &client, &chosen(&eve), &both, true),
        "login_required"
    );
}

#[test]
fn a_subject_of_the_claims_parameter_is_the_only_one_it_may_be() {
    let client = app(true);
    let (ada, eve) = (account("ada", 10), account("eve", 20));
    let both = [ada.clone(), eve.clone()];
    let only = |sub: &str| format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
    let one_of = r#"{"userinfo":{"sub":{"values":["joe","eve"]}}}"#;
    let silent = ("prompt", "none");
    for (more, hint, accounts, expected) in [
        (vec![("claims", only("ada"))], None, &both[..], "ada"),
        (vec![("claims", only("eve"))], None, &both, "eve"),
        (vec![("claims", one_of.into())], None, &both, "eve"),
        (vec![("claims", r#"{"id_token":{"sub":{"values":["ada","eve"]}}}"#.into())], None, &both, "select"),
        (vec![("claims", only("eve"))], None, &both[..1], "login"),
        (vec![("claims", only("eve")), (silent.0, silent.1.into())], None, &both[..1], "login_required"),
        (vec![("claims", only("eve")), (silent.0, silent.1.into())], None, &both, "eve"),
        (vec![("claims", only("eve"))], Some("eve"), &both, "eve"),
        // Two that name different persons can be met by nobody: there is no use in asking anybody.
        (vec![("claims", only("eve"))], Some("ada"), &both, "login_required"),
        (vec![("claims", only("eve"))], Some("ada"), &[], "login_required"),
    ] {
        let pairs: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = request(&client, &pairs, hint);
        let chosen = candidate(&request, &Done::default(), accounts);
        let said = match decide(&request, &client, &Done::default(), chosen, true, now()) {
            Decision::Issue(account) => account.user_id.as_str(),
            _ => outcome(&request, &client, &Done::default(), accounts, true),
        };
        assert_eq!(said, expected, "{more:?} hint {hint:?} accounts {}", accounts.len());
    }
    let meant = request(&client, &[("claims", &only("eve"))], None);
    assert_eq!(outcome(&meant, &client, &login_of(&ada), &both, true), "login_required", "another signed in");
}

#[test]
fn a_level_that_must_be_is_reached_or_refused_and_one_that_may_be_is_tried() {
    let client = app(true);
    let here = Account { acr: "urn:countersign:acr:1".into(), ..account("ada", 10) };
    // As from another time, or another house.
    let weak = Account { acr: "urn:example:weak".into(), ..here.clone() };
    let must = |acr: &str| format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{acr}"]}}}}}}"#);
    let may = |acr: &str| format!(r#"{{"id_token":{{"acr":{{"values":["{acr}"]}}}}}}"#);
    let (one, high) = ("urn:countersign:acr:1", "urn:example:high");
    let unmet = "unmet_authentication_requirements";
    let rows = [
        // What is asked for → here already, weaker, silently weaker, weaker after signing in, nobody.
        (("acr_values", one.to_owned()), ["issue", "login", "issue", "issue", "login"]),
        (("acr_values", format!("{high} {one}")), ["issue", "login", "issue", "issue", "login"]),
        (("acr_values", high.to_owned()), ["issue", "issue", "issue", "issue", "login"]),
        (("claims", may(one)), ["issue", "login", "issue", "issue", "login"]),
        (("claims", may(high)), ["issue", "issue", "issue", "issue", "login"]),
        (("claims", must(one)), ["issue", "login", "login_required", unmet, "login"]),
        (("claims", must(high)), [unmet, unmet, unmet, unmet, unmet]),
        (
            ("claims", r#"{"id_token":{"acr":{"essential":true}}}"#.into()),
            ["issue", "issue", "issue", "issue", "login"],
        ),
        (
            ("claims", r#"{"id_token":{"acr":{"essential":true,"value":7}}}"#.into()),
            [unmet, unmet, unmet, unmet, unmet],
        ),
        (
            ("claims", r#"{"userinfo":{"acr":{"essential":true,"value":"high"}}}"#.into()),
            ["issue", "issue", "issue", "issue", "login"],
        ),
    ];
    for ((name, value), expected) in rows {
        let asked = request(&client, &[(name, &value)], None);
        let silent = request(&client, &[(name, &value), ("prompt", "none")], None);
        let nothing = Done::default();
        let said = [
            outcome(&asked, &client, &nothing, std::slice::from_ref(&here), true),
            outcome(&asked, &client, &nothing, std::slice::from_ref(&weak), true),
            outcome(&silent, &client, &nothing, std::slice::from_ref(&weak), true),
            outcome(&asked, &client, &login_of(&weak), std::slice::from_ref(&weak), true),
            outcome(&asked, &client, &nothing, &[], true),
        ];
        assert_eq!(said, expected, "{name}={value}");
    }
    // The request counts before what was registered.
    let wishes =
        self::client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "first_party": true,
        "default_acr_values": [one] }));
    let of = |more: &[(&str, &str)]| {
        outcome(&request(&wishes, more, None), &wishes, &Done::default(), std::slice::from_ref(&weak), true)
    };
    assert_eq!(of(&[]), "login");
    assert_eq!(of(&[("acr_values", "urn:example:weak")]), "issue");
    assert_eq!(of(&[("claims", &may("urn:example:weak"))]), "issue");
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

/// A client with pairwise names knows people by these alone: the identifier of an account says nothing to it.
#[test]
fn a_request_means_persons_by_the_names_that_its_client_knows() {
    let app = client(json!({ "client_name": "App", "redirect_uris": [REDIRECT], "first_party": true,
        "subject_type": "pairwise" }));
    let naming = Naming::of(&app, &Key::new([7; 32]));
    let accounts = [account("ada", 1), account("eve", 1)];
    let (ada, eve) = (naming.sub("ada"), naming.sub("eve"));
    let session = accounts[0].session_id;
    let found = |request: &Request| match candidate(request, &Done::default(), &accounts) {
        Candidate::One(account) if account.session_id == session => "ada",
        Candidate::One(_) => "eve",
        Candidate::Several => "several",
        Candidate::Absent => "none",
    };
    let named = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    for (sub, whom) in [(&*ada, "ada"), (&*eve, "eve"), ("ada", "none"), ("eve", "none")] {
        assert_eq!(found(&request(&app, &[], Some(sub))), whom, "hint {sub}");
        assert_eq!(found(&request(&app, &[("claims", &named(sub))], None)), whom, "claims {sub}");
        let both = request(&app, &[("claims", &named(sub))], Some(&ada));
        assert_eq!(found(&both), if sub == ada { "ada" } else { "none" }, "both {sub}");
    }
    assert_eq!(found(&request(&app, &[], None)), "several");
    // To a client with public names the others are strange.
    let public = self::app(true);
    for (sub, whom) in [("ada", "ada"), (&*ada, "none")] {
        assert_eq!(found(&request(&public, &[], Some(sub))), whom, "{sub}");
    }
}

#[test]
fn a_consent_fingerprint_tells_everything_apart() {
    let app = app(false);
    let another = Client { id: "other".into(), ..app.clone() };
    let later = Client { registered_at: app.registered_at + Duration::SECOND, ..app.clone() };
    let (a, b) = ("https://a.example", "https://b.example");
    let print = |who: &str, client: &Client, scope: &str, resources: &[&str]| {
        consent::fingerprint(who, client, &to(scope, resources, &[]))
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
        consent::fingerprint("u", &app, &to("openid email", &[a, b], &["name"])),
        consent::fingerprint("u", &app, &to("openid email", &[a, b], &["name", "address"])),
    ]);
    let all = prints.len();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), all);
}

prop_compose! {
    fn any_request()(
        prompt in prop::sample::select(vec![None, Some("none"), Some("login"), Some("consent"), Some("login consent"),
            Some("select_account"), Some("select_account login")]),
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

/// Without a consent in force and without a hint, a silent request that names people or sets conditions is
/// answered as if nobody were there.
#[test]
fn a_silent_answer_does_not_depend_on_people_who_have_not_consented() {
    let client = app(false);
    let weak = Account { acr: "urn:far".into(), ..account("joe", 3) };
    let browsers =
        [vec![], vec![account("ada", 10)], vec![account("ada", 4000)], vec![account("eve", 10)], vec![weak]];
    let silent = ("prompt", "none");
    let only = r#"{"id_token":{"sub":{"value":"ada"}}}"#;
    let far = r#"{"id_token":{"acr":{"essential":true,"value":"urn:far"}}}"#;
    let near = r#"{"id_token":{"acr":{"essential":true,"value":"urn:countersign:acr:1"}}}"#;
    for more in [
        &[("claims", only)][..],
        &[("claims", far)],
        &[("claims", near)],
        &[("max_age", "100")],
        &[("max_age", "0")],
        &[("max_age", "100000")],
        &[("claims", only), ("max_age", "100000")],
    ] {
        let request = request(&client, &[&[silent], more].concat(), None);
        let said = |accounts: &[Account]| {
            let candidate = candidate(&request, &Done::default(), accounts);
            match decide(&request, &client, &Done::default(), candidate, false, now()) {
                Decision::Refuse(error) => error,
                other => panic!("{other:?}"),
            }
        };
        let empty = said(&[]);
        for accounts in &browsers {
            assert_eq!(said(accounts), empty, "{more:?} {accounts:?}");
        }
    }
    let either = r#"{"id_token":{"sub":{"values":["ada","eve"]}}}"#;
    let request = request(&client, &[silent, ("claims", either)], None);
    let both = [account("ada", 10), account("eve", 10)];
    assert_eq!(outcome(&request, &client, &Done::default(), &both, false), "login_required");
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
    let select = prop::option::of(prop::sample::select(vec!["ada", "eve", "xxx"]));
    (login, select, consent).prop_map(|(login, select, consent)| Done {
        login: login.map(|name| SignIn { session_id: account(name, 0).session_id, at: now() }),
        select: select.map(|name| account(name, 0).session_id),
        consent: consent.map(|name| consent::fingerprint(name, &app(false), &to("openid", &[], &[]))),
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
        let page = matches!(decision, Decision::Login | Decision::Select | Decision::Consent(_));
        prop_assert!(!(request.prompt.none && page), "prompt=none shows nothing");
        if let Some(chosen) = chosen.one() {
            prop_assert!(accounts.contains(chosen));
        }
        if let Decision::Issue(issued) = decision {
            prop_assert!(chosen == Candidate::One(issued));
            let account = issued;
            let said = done.chosen() == Some(account.session_id);
            let others = accounts.iter().filter(|other| request.may_be(&other.user_id)).count() > 1;
            prop_assert!(said || !(others || request.prompt.select_account), "nobody guesses");
            let for_this = done.login.is_some_and(|login| login.session_id == account.session_id);
            prop_assert!(!request.prompt.login || for_this, "prompt=login asks for a new sign-in");
            let fresh = request.max_age.is_none_or(|most| !most.is_zero() && now() - account.auth_time <= most);
            prop_assert!(fresh || for_this, "max_age holds");
            prop_assert!(request.may_be(&account.user_id), "the hinted one");
            let shown = done.consent == Some(request.consent_fingerprint(&client, &account.user_id));
            let agreed = client.metadata.first_party || shown || (consented && !request.prompt.consent);
            prop_assert!(agreed, "nobody is signed in to a stranger unasked");
        }
        // Meeting what is asked for leads on: nobody goes round in circles.
        if decision == Decision::Login && !accounts.is_empty() {
            let account = accounts.iter().find(|account| request.may_be(&account.user_id));
            if let Some(account) = account {
                let after = decide(&request, &client, &login_of(account), Candidate::One(account), consented, now());
                prop_assert!(!matches!(after, Decision::Login | Decision::Select));
            }
        }
        if decision == Decision::Select {
            for account in accounts.iter().filter(|account| request.may_be(&account.user_id)) {
                let mut done = done.clone();
                done.selected(account.session_id);
                let after = decide(&request, &client, &done, candidate(&request, &done, &accounts), consented, now());
                prop_assert!(after != Decision::Select);
            }
        }
        if let (Decision::Consent(_), Some(account)) = (&decision, chosen.one()) {
            let done = Done { consent: Some(request.consent_fingerprint(&client, &account.user_id)), ..done.clone() };
            prop_assert_eq!(decide(&request, &client, &done, chosen, consented, now()), Decision::Issue(account));
        }
        // The sign-in of a session that is not here counts for nothing.
        let elsewhere = Done { select: None, ..login_of(&account("zoe", 0)) };
        let elsewhere = Done { consent: done.consent, ..elsewhere };
        let chosen = candidate(&request, &elsewhere, &accounts);
        let decision = decide(&request, &client, &elsewhere, chosen, consented, now());
        prop_assert!(!matches!(decision, Decision::Issue(_)) || !(request.prompt.login || request.max_age.is_some_and(Duration::is_zero)));
    }
}
