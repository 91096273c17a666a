//! Families of refresh tokens on three nodes behind nginx, with PostgreSQL and Redis: 200 public clients refresh at once
//! while nodes are restarted in their turn, killed at work, and Redis loses all that it holds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::task::JoinHandle;
use countersign::protocol::refresh::RefreshToken;
use countersign::store::grants::{self, Wanted};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use crate::support::app::REDIRECT;
use crate::support::browser::Browser;
use crate::support::cluster::{Cluster, PEOPLE, PUBLIC};
use crate::support::rp::VERIFIER;

/// How many clients there are.
const CLIENTS: usize = 200;
/// How long a client waits between two refreshes, and before it repeats one that got no answer.
const BREATH: Duration = Duration::from_millis(100);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all clients have in common.
#[derive(Clone)]
struct Fleet {
    browser: Browser,
    token: String,
    over: Rc<Cell<bool>>,
    refreshed: Rc<RefCell<[usize; CLIENTS]>>,
    /// Requests without an answer, or with one that says to come again.
    repeated: Rc<Cell<usize>>,
    /// What became of clients that were refused.
    lost: Rc<RefCell<Vec<String>>>,
}

impl Fleet {
    fn of(cluster: &Cluster) -> Fleet {
        Fleet {
            browser: cluster.browser(),
            token: cluster.at("/token"),
            over: Rc::default(),
            refreshed: Rc::new(RefCell::new([0; CLIENTS])),
            repeated: Rc::default(),
            lost: Rc::default(),
        }
    }

    /// Waits until each client has refreshed so many times more.
    async fn until_each(&self, more: usize) {
        let before = *self.refreshed.borrow();
        self.wait(|| self.refreshed.borrow().iter().zip(before).all(|(now, before)| *now >= before + more))
            .await;
    }

    /// Waits until all of them together have refreshed so many times more.
    async fn until(&self, more: usize) {
        let count = || self.refreshed.borrow().iter().sum::<usize>();
        let before = count();
        self.wait(|| count() >= before + more).await;
    }

    async fn wait(&self, is_done: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_done() {
            assert_eq!(*self.lost.borrow(), Vec::<String>::new());
            assert!(begun.elapsed() < PATIENCE, "it takes too long: {:?}", self.refreshed.borrow());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// One request, again and again until there is an answer that decides.
    async fn send(&self, fields: &[(&str, &str)]) -> Result<Value, String> {
        let begun = Instant::now();
        loop {
            let request = self.browser.request(Method::POST, &self.token).form(fields);
            match self.browser.try_send(request).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.json()),
                Ok(answer) if !answer.status.is_server_error() => {
                    return Err(format!("{} {}", answer.status, answer.body));
                }
                Ok(answer) if begun.elapsed() > PATIENCE => {
                    return Err(format!("{} {}", answer.status, answer.body));
                }
                _ => self.repeated.set(self.repeated.get() + 1),
            }
            sleep(BREATH).await;
        }
    }
}

/// One public client, with its family.
struct Client {
    fleet: Fleet,
    number: usize,
    tokens: Value,
    /// Each refresh token that it was ever given, by generation.
    chain: BTreeMap<u32, String>,
}

impl Client {
    /// Redeems a code.
    async fn begin(fleet: &Fleet, number: usize, code: &str) -> Client {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", PUBLIC),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let tokens = fleet.send(&fields).await.unwrap();
        let mut client = Client { fleet: fleet.clone(), number, tokens, chain: BTreeMap::new() };
        let first = client.current().to_owned();
        client.chain.insert(0, first);
        client
    }

    fn current(&self) -> &str {
        self.tokens["refresh_token"].as_str().unwrap()
    }

    /// Refreshes; every third time with two requests at once, as two tabs of one application do.
    async fn refresh(&mut self) -> Result<(), String> {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", PUBLIC), ("refresh_token", self.current())];
        let tabs = if self.chain.len().is_multiple_of(3) { 2 } else { 1 };
        let answers = join_all((0..tabs).map(|_| self.fleet.send(&fields))).await;
        let before = RefreshToken::parse(self.current()).unwrap();
        for answer in answers {
            self.tokens = answer?;
            let token = RefreshToken::parse(self.current()).unwrap();
            if token.family != before.family || token.generation != before.generation + 1 {
                return Err(format!("generation {} follows {}", token.generation, before.generation));
            }
            let text = self.current().to_owned();
            let known = self.chain.insert(token.generation, text);
            if known.is_some_and(|known| known != self.current()) {
                return Err(format!("generation {} is forked", token.generation));
            }
        }
        self.fleet.refreshed.borrow_mut()[self.number] += 1;
        Ok(())
    }

    /// Refreshes until all of it is over, or it is refused.
    async fn stay(mut self) -> Client {
        while !self.fleet.over.get() {
            if let Err(why) = self.refresh().await {
                self.fleet.lost.borrow_mut().push(format!("client {}: {why}", self.number));
                break;
            }
            sleep(BREATH).await;
        }
        self
    }
}

/// The clients, of which every second has a family that outlives its session.
async fn begin(cluster: &Cluster, fleet: &Fleet) -> Vec<Client> {
    let mut clients = vec![];
    for person in 0..PEOPLE {
        let browser = cluster.browser();
        let scopes = [("scope", "openid offline_access"), ("scope", "openid")];
        let allow = [("client_id", PUBLIC), scopes[0], ("prompt", "consent")];
        cluster.sign_in(&browser, &format!("ada-{person}"), &allow).await;
        for number in 0..CLIENTS / PEOPLE {
            let asked = cluster.authorize(&[("client_id", PUBLIC), scopes[number % 2]]);
            let code = browser.get(&asked).await.answered("code").unwrap();
            clients.push(Client::begin(fleet, clients.len(), &code).await);
        }
    }
    clients
}

/// Each node ends as a supervisor ends it, and comes again; then each is killed.
async fn restart_and_kill(cluster: &mut Cluster, fleet: &Fleet) {
    for node in &mut cluster.nodes {
        let (status, _) = node.stop().await;
        assert!(status.success(), "{status}: {}", node.log());
        fleet.until(CLIENTS / 2).await;
        node.start().await;
        fleet.until(CLIENTS / 2).await;
    }
    let before = fleet.repeated.get();
    for node in &mut cluster.nodes {
        node.kill();
        fleet.until(CLIENTS / 2).await;
        node.start().await;
        fleet.until(CLIENTS / 2).await;
    }
    assert!(fleet.repeated.get() > before, "nothing was under way when a node was killed");
}

/// Redis forgets every session. Whoever comes without a family has to sign in again.
async fn empty_redis(cluster: &Cluster) {
    let browser = cluster.browser();
    cluster.sign_in(&browser, "ada-0", &[]).await;
    redis::cmd("FLUSHALL").exec(&mut cluster.redis().link()).unwrap();
    let silent = browser.get(&cluster.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.answered("error").as_deref(), Some("login_required"));
}

/// Every client has a token that works, and its family is as the client knows it.
async fn assert_nothing_is_lost(cluster: &Cluster, clients: &mut [Client]) {
    let listed = Wanted { client: Some(PUBLIC.into()), most: 10_000, ..Wanted::default() };
    let listed = grants::list(&cluster.db(), listed).await.unwrap();
    assert_eq!(listed.len(), CLIENTS);
    for client in &*clients {
        let token = RefreshToken::parse(client.current()).unwrap();
        let row = listed.iter().find(|row| row.id == token.family).unwrap();
        assert!(row.facts.revoked.is_none(), "client {}: {:?}", client.number, row.facts);
        assert_eq!(row.facts.position.generation, token.generation, "client {}", client.number);
    }
    for ended in join_all(clients.iter_mut().map(Client::refresh)).await {
        ended.unwrap();
    }
    let told = clients.iter().map(async |client| {
        let userinfo = client.fleet.browser.request(Method::GET, &cluster.at("/userinfo"));
        let userinfo = userinfo.bearer_auth(client.tokens["access_token"].as_str().unwrap());
        client.fleet.browser.send(userinfo).await.status
    });
    for status in join_all(told).await {
        assert_eq!(status, 200);
    }
}

#[actix_web::test]
async fn restarts_kills_and_an_emptied_redis_lose_no_family_and_fork_none() {
    let mut cluster = Cluster::start(3).await;
    let fleet = Fleet::of(&cluster);
    let clients = begin(&cluster, &fleet).await;
    assert_eq!(clients.len(), CLIENTS);
    let at_work: Vec<JoinHandle<_>> =
        clients.into_iter().map(|client| actix_web::rt::spawn(client.stay())).collect();
    fleet.until_each(1).await;
    restart_and_kill(&mut cluster, &fleet).await;
    empty_redis(&cluster).await;
    fleet.until_each(2).await;
    fleet.over.set(true);
    let mut clients: Vec<Client> = join_all(at_work).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(*fleet.lost.borrow(), Vec::<String>::new());
    assert_nothing_is_lost(&cluster, &mut clients).await;
}
