//! Guessing is slowed down, and nobody can lock another person out.
//!
//! Holds `state/limits/passwords.rs`.

use countersign::config::Config;
use countersign::password::Password;
use countersign::store::users::{self, Change};
use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::support::TEST;
use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::log;
use crate::support::rp::Rp;

/// Types into a fresh sign-in page.
async fn type_in(rp: &Rp<'_>, browser: &Browser, login: &str, password: &str) -> Answer {
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    browser.submit(&page, &[("username", login), ("password", password)]).await
}

/// Tells whether an attempt was turned away, and the log names this counter.
fn turned_away_by(answer: &Answer, counter: &str) -> bool {
    let lines = log::of_requests(&[answer.header("x-request-id").to_owned()]);
    let named = format!("counter={counter}");
    let line = lines.iter().find(|line| line.contains("outcome=throttled"));
    answer.status == 429 && line.is_some_and(|line| line.ends_with(&named))
}

/// Behind a proxy, so that requests come from where a test says.
fn behind_a_proxy(state: State) -> Options {
    let adjust = |config: &mut Config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    Options { state, adjust, ..Options::default() }
}

/// A sign-in form that is sent again and again, from wherever.
struct Form<'a> {
    app: &'a TestApp,
    browser: Browser,
    ticket: String,
}

impl<'a> Form<'a> {
    async fn open(app: &'a TestApp, rp: &Rp<'_>, browser: Browser) -> Form<'a> {
        let form = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await.form();
        let ticket = form.fields.iter().find(|(name, _)| name == "ticket").unwrap().1.clone();
        Form { app, browser, ticket }
    }

    /// 303 to the page that says that it was wrong, or to go on; 429 when it was turned away.
    async fn send(&self, from: &str, login: &str, password: &str) -> Answer {
        let fields = [("ticket", self.ticket.as_str()), ("username", login), ("password", password)];
        let request = self.browser.request(Method::POST, &self.app.at("/login")).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        self.browser.send(request).await
    }

    async fn wrong(&self, from: &str, login: &str) -> u16 {
        self.send(from, login, "not-the-password").await.status.as_u16()
    }

    async fn right(&self, from: &str, login: &str) -> bool {
        let answer = self.send(from, login, PASSWORD).await;
        answer.status == 303 && answer.header("location").contains("/continue?")
    }
}

async fn statuses(rp: &Rp<'_>, browser: &Browser, login: &str, times: usize) -> Vec<u16> {
    let mut found = vec![];
    for _ in 0..times {
        found.push(type_in(rp, browser, login, "not-the-password").await.status.as_u16());
    }
    found
}

async fn guessing_is_slowed_down(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());

    // Five failures a minute for one account from one network, whatever the browser; unknown names alike.
    for login in ["ada", "nobody"] {
        let guesser = app.browser();
        assert_eq!(statuses(&rp, &guesser, login, 7).await, [422, 422, 422, 422, 422, 429, 429], "{login}");
        let refused = type_in(&rp, &app.browser(), &login.to_uppercase(), PASSWORD).await;
        assert_eq!(refused.status, 429, "even the right password, and another spelling");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait) && refused.body.contains("for 1 minute."), "{}", refused.body);
        // The form stays, so that trying again is typing the password again; when, is said in words.
        let form = refused.form();
        let field = |name: &str| form.fields.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!((field("username"), field("password")), (login.to_uppercase(), String::new()));
        let end = app.clock.now() + Duration::seconds(i64::from(wait) + 59);
        let (earlier, end) = (end - Duration::minutes(1), end);
        let at = |time: time::OffsetDateTime| format!("from {:02}:{:02} (UTC)", time.hour(), time.minute());
        assert!([earlier, end].iter().any(|time| refused.body.contains(&at(*time))), "{}", refused.body);
    }
    app.clock.advance(Duration::seconds(61));
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some());
    // A verified address is another name of the same account, and gives no guesses more.
    let guesser = app.browser();
    assert_eq!(statuses(&rp, &guesser, "ada@example.com", 3).await, [422; 3]);
    assert_eq!(statuses(&rp, &guesser, "ada", 3).await, [422, 422, 429]);
    app.clock.advance(Duration::seconds(61));

    // Successes are not counted, and nothing else is limited meanwhile.
    for _ in 0..8 {
        assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    }
    app.finish().await;
}

#[actix_web::test]
async fn guessing_is_slowed_down_with_sql_state() {
    guessing_is_slowed_down(State::Sql).await;
}

#[actix_web::test]
async fn guessing_is_slowed_down_with_redis_state() {
    guessing_is_slowed_down(State::Redis).await;
}

#[actix_web::test]
async fn who_has_signed_in_here_before_is_not_locked_out_by_others() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    assert!(home.cookie(&app.app.cookies.device).is_some());

    // Ten minutes of five guesses each use up the account's fifty an hour.
    for _ in 0..10 {
        assert_eq!(statuses(&rp, &app.browser(), "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    let stranger = type_in(&rp, &app.browser(), "ada", PASSWORD).await;
    assert_eq!(stranger.status, 429);
    assert!(stranger.header("retry-after").parse::<u32>().unwrap() > 60);
    app.clock.advance(Duration::seconds(61));
    assert!(
        type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some(),
        "the person's own browser"
    );

    // The cookie is for this account, in this browser, with this password.
    let thief = app.browser();
    thief.get(&app.at("/")).await;
    thief.set_cookie(&app.app.cookies.device, &home.cookie(&app.app.cookies.device).unwrap());
    assert_eq!(type_in(&rp, &thief, "ada", PASSWORD).await.status, 429);
    app.clock.advance(Duration::hours(1));
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some());
    app.finish().await;
}

/// Whoever has the person's own browser in hand guesses no more than ten times an hour, and shuts out nobody else.
#[actix_web::test]
async fn a_known_browser_has_ten_guesses_an_hour() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    for _ in 0..2 {
        assert_eq!(statuses(&rp, &home, "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    let refused = type_in(&rp, &home, "ada", PASSWORD).await;
    assert_eq!(refused.status, 429, "even the right password");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&wait) && refused.body.contains("for 58 minutes."), "{}", refused.body);
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some(), "elsewhere");
    app.clock.advance(Duration::seconds(wait));
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    app.finish().await;
}

/// Whoever took a browser's cookie, and not the new password, is a stranger with it.
#[actix_web::test]
async fn a_new_password_makes_every_browser_an_unknown_one() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let (home, other) = (app.browser(), app.browser());
    for browser in [&home, &other] {
        assert!(type_in(&rp, browser, "ada", PASSWORD).await.answered("code").is_some());
    }
    let new = "a-new-otter-paints-9";
    app.keep_secret(new);
    let hash = Password::chosen(new).unwrap().hash().unwrap();
    users::change(&app.app.db, &ada.id, Change::Password(hash), TEST, app.clock.now()).await.unwrap();
    assert!(type_in(&rp, &home, "ada", new).await.answered("code").is_some());
    for _ in 0..10 {
        assert_eq!(statuses(&rp, &app.browser(), "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    assert!(other.cookie(&app.app.cookies.device).is_some());
    assert_eq!(type_in(&rp, &other, "ada", new).await.status, 429, "known by the old password only");
    assert!(type_in(&rp, &home, "ada", new).await.answered("code").is_some(), "known by the new one");
    app.finish().await;
}

/// One visitor has many addresses: all of a network count as one.
#[actix_web::test]
async fn a_network_is_a_24_of_ipv4_and_a_56_of_ipv6() {
    let behind_a_proxy = Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    };
    let app = TestApp::start_with(behind_a_proxy).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let form = browser.open(&rp.authorize(&[])).await.form();
    let ticket = &form.fields.iter().find(|(name, _)| name == "ticket").unwrap().1;
    let guess = async |from: &str| {
        let fields = [("ticket", ticket.as_str()), ("username", "ada"), ("password", "not-the-password")];
        let request = browser.request(Method::POST, &app.at("/login")).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        browser.send(request).await.status.as_u16()
    };
    for (one, same, other) in [
        ("192.0.2.1", "192.0.2.254", "192.0.3.1"),
        ("2001:db8:0:100::1", "2001:db8:0:1ff:ffff::9", "2001:db8:0:200::1"),
        ("::ffff:198.51.100.1", "198.51.100.9", "::ffff:198.51.101.1"),
    ] {
        for _ in 0..5 {
            assert_eq!(guess(one).await, 303, "{one}");
        }
        assert_eq!((guess(same).await, guess(other).await), (429, 303), "{same} and {other}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_planted_cookie_is_not_sent_back() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    for planted in ["x%3B%20Domain%3Devil.example", "x%0D%0ASet-Cookie%3A%20a%3Db", "1%3Ax.y:z.%22", "\u{e9}"]
    {
        let browser = app.browser();
        browser.get(&app.at("/")).await;
        browser.set_cookie(&app.app.cookies.device, planted);
        assert!(type_in(&rp, &browser, "ada", PASSWORD).await.answered("code").is_some());
        let given = browser.cookie(&app.app.cookies.device).unwrap();
        assert!(given != planted && !given.contains('.'), "{planted} became {given}");
    }
    app.finish().await;
}

/// Neither a flood of invented names from the same network nor a neighbour who tries one's own name shuts a person
/// out of a browser that she has used; and the log says which counter it was that tripped.
async fn a_known_device_answers_to_its_own_counter_only(state: State) {
    let app = TestApp::start_with(behind_a_proxy(state)).await;
    app.user("ada").await;
    app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let (here, neighbour) = ("192.0.2.7", "192.0.2.200");
    let home = Form::open(&app, &rp, app.browser()).await;
    assert!(home.right(here, "ada").await);
    let stranger = Form::open(&app, &rp, app.browser()).await;
    let refused = async |login: &str, counter: &str| {
        let answer = stranger.send(neighbour, login, PASSWORD).await;
        turned_away_by(&answer, counter)
    };

    // A neighbour tries her name: six wrong tries use up what the account has in this network.
    let tries: [u16; 6] = futures_util::future::join_all((0..6).map(|_| stranger.wrong(neighbour, "ada")))
        .await
        .try_into()
        .unwrap();
    assert_eq!(tries.iter().filter(|status| **status == 303).count(), 5);
    assert!(refused("ada", "account and network").await && home.right(here, "ada").await);

    // A hundred invented names: the whole network is shut for an hour.
    for number in 0..100 {
        assert_eq!(stranger.wrong(here, &format!("invented-{number}")).await, 303, "{number}");
    }
    assert!(refused("eve", "network").await, "even the right password, in a browser that does not know her");
    // A name that the network has counted in this minute is not counted again.
    assert_eq!(stranger.wrong(here, "invented-98").await, 303);
    assert!(refused("eve", "network").await && refused("invented-100", "network").await);
    assert!(home.right(here, "ada").await);
    // Her own counter holds, whatever is going on around her, and it shuts out her browser alone.
    for _ in 0..10 {
        assert_eq!(home.wrong(here, "ada").await, 303);
    }
    assert!(turned_away_by(&home.send(here, "ada", PASSWORD).await, "device"));
    assert!(Form::open(&app, &rp, app.browser()).await.right("198.51.100.9", "ada").await, "elsewhere");
    app.finish().await;
}

#[actix_web::test]
async fn a_known_device_answers_to_its_own_counter_only_with_sql_state() {
    a_known_device_answers_to_its_own_counter_only(State::Sql).await;
}

#[actix_web::test]
async fn a_known_device_answers_to_its_own_counter_only_with_redis_state() {
    a_known_device_answers_to_its_own_counter_only(State::Redis).await;
}

/// A network counts a name once a minute, and a success takes back what the same name has added: an office of
/// people who mistype shuts nobody out.
async fn a_success_takes_back_what_the_name_added(state: State) {
    let app = TestApp::start_with(behind_a_proxy(state)).await;
    app.user("ada").await;
    app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let here = "192.0.2.7";
    let form = Form::open(&app, &rp, app.browser()).await;
    for number in 0..97 {
        assert_eq!(form.wrong(here, &format!("invented-{number}")).await, 303, "{number}");
    }
    // Four failures in each of three minutes are three for the network.
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(form.wrong(here, "ada").await, 303);
        }
        app.clock.advance(Duration::seconds(61));
    }
    assert!(form.send(here, "ada", PASSWORD).await.status == 429, "a hundred are counted");
    let device = Form::open(&app, &rp, app.browser()).await;
    assert!(device.right("198.51.100.9", "ada").await, "from another network, which takes back nothing here");
    assert!(form.send(here, "eve", PASSWORD).await.status == 429);
    assert!(device.right(here, "ada").await, "she is known in this browser");
    // Now three are free again, and no more than three.
    for number in 0..3 {
        assert_eq!(form.wrong(here, &format!("late-{number}")).await, 303, "{number}");
    }
    assert_eq!(form.wrong(here, "late-3").await, 429);
    app.clock.advance(Duration::HOUR);
    // The same where it is not a known browser that succeeds; what somebody else added stays.
    for number in 0..99 {
        assert_eq!(form.wrong(here, &format!("again-{number}")).await, 303, "{number}");
    }
    assert_eq!(form.wrong(here, "eve").await, 303);
    assert_eq!(form.wrong(here, "late").await, 429);
    assert!(
        Form::open(&app, &rp, app.browser()).await.right(here, "eve").await,
        "counted in this minute already"
    );
    assert_eq!([form.wrong(here, "late").await, form.wrong(here, "later").await], [303, 429]);
    app.finish().await;
}

#[actix_web::test]
async fn a_success_takes_back_what_the_name_added_with_sql_state() {
    a_success_takes_back_what_the_name_added(State::Sql).await;
}

#[actix_web::test]
async fn a_success_takes_back_what_the_name_added_with_redis_state() {
    a_success_takes_back_what_the_name_added(State::Redis).await;
}

/// Two spellings of an address are one counter, whether an account has it or not, and so the 429 tells nothing.
async fn a_counter_does_not_tell_whether_an_address_is_known(state: State) {
    let app = TestApp::start_with(behind_a_proxy(state)).await;
    app.user("ada").await;
    let adas =
        app.user_with("eve", json!({ "email": "eve@b\u{FC}cher.example", "email_verified": true })).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let form = Form::open(&app, &rp, app.browser()).await;
    let mut told = vec![];
    for (name, from) in [("eve", "192.0.2.7"), ("nobody", "198.51.100.7")] {
        let spelled =
            [format!("{name}@b\u{FC}cher.example"), format!("{}@XN--BCHER-KVA.example", name.to_uppercase())];
        let (mut statuses, before) = (vec![], app.app.kv.asked());
        for _ in 0..5 {
            statuses.push(form.wrong(from, &spelled[0]).await);
        }
        statuses.push(form.wrong(from, &spelled[1]).await);
        told.push((statuses, app.app.kv.asked() - before));
    }
    assert_eq!(told[0], told[1], "{}", adas.id);
    assert_eq!(told[0].0, [303, 303, 303, 303, 303, 429]);
    // The account has had those guesses under its login name as well.
    assert_eq!([form.wrong("192.0.2.7", "eve").await, form.wrong("192.0.2.7", "ada").await], [429, 303]);
    app.finish().await;
}

#[actix_web::test]
async fn a_counter_does_not_tell_whether_an_address_is_known_with_sql_state() {
    a_counter_does_not_tell_whether_an_address_is_known(State::Sql).await;
}

#[actix_web::test]
async fn a_counter_does_not_tell_whether_an_address_is_known_with_redis_state() {
    a_counter_does_not_tell_whether_an_address_is_known(State::Redis).await;
}

#[actix_web::test]
async fn one_network_cannot_try_many_names() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let guesser = app.browser();
    let page = guesser.open(&rp.authorize(&[])).await;
    for number in 0..100 {
        let name = format!("somebody-{number}");
        let answer = guesser.submit(&page, &[("username", &name), ("password", "a-common-password")]).await;
        assert_eq!(answer.status, 422, "{number}");
    }
    let answer = guesser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 429);
    app.finish().await;
}
