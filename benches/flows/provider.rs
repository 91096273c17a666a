//! A provider with clients and people, set up through its own command line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign::app::open_store;
use countersign::config::Config;
use diesel::RunQueryDsl as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Answer, Connection};
use crate::process::{Process, cpu_of_family};
use crate::tokens::{RESOURCE, Tokens};
use crate::{commit, free_port, postgres, redis};

const PASSWORD: &str = "wistful-otter-paints-9";
pub const REDIRECT: &str = "http://localhost:3000/callback";
/// A verifier, and its challenge.
const VERIFIER: &str = "project-pkce-verifier_0123456789-ABCDEFGHIJKLMNOP";
const CHALLENGE: &str = "vYNHd8OhS1_DyRzkrZ-joLO-9sp78UJ_Hs8arlPwz2M";
/// The number of people who are signed in, each in their own browser.
pub const PEOPLE: usize = 40;

/// The stores that the provider uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    Embedded,
    Servers,
}

impl Stores {
    pub const ALL: [Stores; 2] = [Stores::Embedded, Stores::Servers];

    /// What they are called in tables.
    pub fn title(self) -> &'static str {
        match self {
            Stores::Embedded => "SQLite",
            Stores::Servers => "PostgreSQL + Redis",
        }
    }
}

/// One registered application.
pub struct Client {
    pub id: String,
    /// Its credentials, as a header; empty for one that has no secret.
    pub basic: String,
}

impl Client {
    /// As the answer to its registration describes it.
    pub fn of(made: &Value) -> Client {
        let id = made["client_id"].as_str().expect("client_id").to_owned();
        let basic = made["client_secret"].as_str().map(|secret| {
            let pair = data_encoding::BASE64.encode(format!("{id}:{secret}").as_bytes());
            format!("Authorization: Basic {pair}\r\n")
        });
        Client { id, basic: basic.unwrap_or_default() }
    }
}

/// A running provider, its applications, and browsers in which people are signed in.
pub struct Provider {
    pub process: Option<Process>,
    /// The program it runs.
    pub program: PathBuf,
    pub config: PathBuf,
    pub port: u16,
    /// The application whose ID Tokens are RS256, and the one whose are ES256.
    pub clients: [Client; 2],
    /// The applications of the grants beside the code; none if the program has not all of these.
    pub tokens: Option<Tokens>,
    /// `Cookie` headers of signed-in browsers.
    pub browsers: Vec<String>,
    /// `Authorization` headers with an access token of each person.
    pub bearers: Vec<String>,
    pub redis: Option<redis::Server>,
    postgres: Option<postgres::Server>,
    /// The processes of PostgreSQL and Redis.
    servers: Vec<u32>,
    _folder: TempDir,
}

impl Provider {
    pub fn start(stores: Stores, program: &Path) -> Provider {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let at = |name: &str| folder.path().join(name);
        let mut text = format!(
            "issuer = \"http://localhost:{port}\"\ndata_dir = \"{}\"\nkeys_dir = \"{}\"\n",
            at("data").display(),
            at("keys").display()
        );
        let servers =
            (stores == Stores::Servers).then(|| (redis::Server::start(), postgres::Server::start()));
        if let Some((redis, postgres)) = &servers {
            let (database, state) = (postgres.database(), redis.url());
            writeln!(text, "database_url = {database:?}\nstate_url = {state:?}").unwrap();
        }
        let config = at("countersign.toml");
        std::fs::write(&config, &text).expect("a file");
        let command = |words: &[&str], typed: &str| run(program, &config, words, typed);
        if servers.is_some() {
            command(&["keys", "init"], "");
        }
        let clients = ["RS256", "ES256"].map(|alg| {
            let words = ["client", "add", "--name", alg, "--redirect-uri", REDIRECT, "--id-token-alg", alg];
            Client::of(&command(&words, ""))
        });
        // Last in the file, because it is a table.
        text.push_str(RESOURCE);
        std::fs::write(&config, text).expect("a file");
        let tokens = Tokens::register(program, &config);
        for person in 0..PEOPLE {
            command(&["user", "add", &login(person), "--password-stdin"], PASSWORD);
        }
        let processes = servers.iter().flat_map(|(redis, postgres)| {
            [redis.process().parse().expect("a number"), first_process(postgres)]
        });
        let processes = processes.collect();
        let (redis, postgres) = servers.unzip();
        let process = Some(Process::countersign(program, &config, port));
        let mut provider = Provider {
            process,
            program: program.to_owned(),
            config,
            port,
            clients,
            tokens,
            browsers: vec![],
            bearers: vec![],
            redis,
            postgres,
            servers: processes,
            _folder: folder,
        };
        let mut link = Connection::open(port);
        let browsers = (0..PEOPLE).map(|person| provider.sign_in_everywhere(&mut link, person)).collect();
        provider.browsers = browsers;
        if let Some(mut tokens) = provider.tokens.take() {
            tokens.begin_families(&provider);
            provider.tokens = Some(tokens);
        }
        provider
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    /// The processor time used so far, by the program and by the servers it works on.
    pub fn cpu(&self) -> Duration {
        let stores = self.servers.iter().map(|process| cpu_of_family(*process));
        self.process().cpu() + stores.sum::<Duration>()
    }

    /// Takes an access token for each person. They last ten minutes, so every round takes new ones.
    pub fn take_bearers(&mut self) {
        let mut link = Connection::open(self.port);
        let bearer = |person| {
            let tokens = self.sso(&mut link, 0, person);
            format!("Authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap())
        };
        self.bearers = (0..PEOPLE).map(bearer).collect();
    }

    /// Starts again with its metrics shown on a port, which is answered.
    pub fn show_metrics(&mut self) -> u16 {
        let port = free_port();
        self.restart_with(&format!("metrics_listen = \"127.0.0.1:{port}\"\n"));
        port
    }

    /// A session with both applications, each allowed once.
    fn sign_in_everywhere(&self, link: &mut Connection, person: usize) -> String {
        let mut jar = Jar::default();
        for client in &self.clients {
            let mut next = self.begin(link, &mut jar, client);
            for _ in 0..3 {
                if next.starts_with("/login") {
                    next = self.submit(
                        link,
                        &mut jar,
                        &next,
                        &format!("username={}&password={PASSWORD}", login(person)),
                    );
                }
                if next.starts_with("/consent") {
                    next = self.submit(link, &mut jar, &next, "decision=allow");
                }
                if next.starts_with("/continue") {
                    next = self.follow(link, &mut jar, &next).location;
                }
            }
        }
        jar.header()
    }

    /// One login with its password, from the request to the answer that leads back.
    pub fn log_in(&self, link: &mut Connection, number: usize) {
        let mut jar = Jar::default();
        let page = self.begin(link, &mut jar, &self.clients[0]);
        let person = number % PEOPLE;
        let next =
            self.submit(link, &mut jar, &page, &format!("username={}&password={PASSWORD}", login(person)));
        let answer = self.follow(link, &mut jar, &next);
        assert_eq!(answer.status, 200, "{}", answer.location);
    }

    /// One silent sign-on: a code for a live session, then its tokens.
    pub fn sso(&self, link: &mut Connection, client: usize, number: usize) -> Value {
        let client = &self.clients[client];
        let code = self.code(link, client, number);
        redeem(link, client, &code)
    }

    /// A code for a live session.
    pub fn code(&self, link: &mut Connection, client: &Client, number: usize) -> String {
        let cookie = &self.browsers[number % PEOPLE];
        let answer = link.get(&authorize(client), cookie);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let code = answer.location.split_once("code=").expect(&answer.location).1;
        code.split('&').next().unwrap_or_default().to_owned()
    }

    /// What a service asks about the token of a person.
    pub fn introspect(&self, link: &mut Connection, number: usize) {
        let token = self.bearers[number % PEOPLE].trim_start_matches("Authorization: Bearer ").trim_end();
        let answer = link.post("/introspect", &self.clients[0].basic, &format!("token={token}"));
        assert!(answer.body.contains("\"active\":true"), "{}", answer.body);
    }

    /// The least that something costs that has to last in the main store.
    pub fn commit(&self) -> Duration {
        match &self.postgres {
            None => commit::in_sqlite(&self.config.with_file_name("floor.db").to_string_lossy()),
            Some(server) => commit::in_postgres(&server.url("postgres"), || cpu_of_family(self.servers[1])),
        }
    }

    /// Starts again with these lines before those of the configuration, which ends in a table; answers the configuration of before.
    pub fn restart_with(&mut self, lines: &str) -> String {
        let before = std::fs::read_to_string(&self.config).expect("the configuration");
        self.process = None;
        std::fs::write(&self.config, format!("{lines}{before}")).expect("a file");
        self.process = Some(Process::countersign(&self.program, &self.config, self.port));
        before
    }

    /// Takes the next key of an algorithm away, behind the server's back, and waits until it has made another one.
    pub fn make_a_key(&self, link: &mut Connection, alg: &str) {
        let mut public = || {
            let set: Value =
                serde_json::from_str(&link.get("/.well-known/jwks.json", "").body).expect("JSON");
            let keys = set["keys"].as_array().expect("keys").iter();
            keys.filter(|key| key["alg"] == alg).map(|key| key["kid"].to_string()).collect::<Vec<_>>()
        };
        let known = public();
        let spare =
            format!("DELETE FROM signing_keys WHERE alg = '{alg}' AND state IN ('pending', 'published')");
        let database = open_store(&Config::load(Some(&self.config)).unwrap()).expect("it is there");
        database.write_now(|conn| Ok(diesel::sql_query(&spare).execute(conn)?)).expect("it is gone");
        while public().iter().all(|kid| known.contains(kid)) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn begin(&self, link: &mut Connection, jar: &mut Jar, client: &Client) -> String {
        self.follow(link, jar, &authorize(client)).location
    }

    fn follow(&self, link: &mut Connection, jar: &mut Jar, path: &str) -> Answer {
        let mut answer = link.get(path, &jar.header());
        jar.keep(&answer);
        let origin = format!("http://localhost:{}", self.port);
        answer.location = answer.location.trim_start_matches(&origin).into();
        answer
    }

    /// Opens a page and sends its form.
    fn submit(&self, link: &mut Connection, jar: &mut Jar, page: &str, fields: &str) -> String {
        self.follow(link, jar, page);
        let (path, ticket) = page.split_once("?t=").expect("a ticket");
        let headers = format!("{}Sec-Fetch-Site: same-origin\r\n", jar.header());
        let answer = link.post(path, &headers, &format!("ticket={ticket}&{fields}"));
        jar.keep(&answer);
        answer.location.trim_start_matches(&format!("http://localhost:{}", self.port)).into()
    }
}

/// The tokens for a code.
pub fn redeem(link: &mut Connection, client: &Client, code: &str) -> Value {
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}&client_id={}",
        escaped(REDIRECT),
        client.id
    );
    let answer = link.post("/token", &client.basic, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// One word of the command line, with something typed into it.
pub fn run(program: &Path, config: &Path, words: &[&str], typed: &str) -> Value {
    let mut child = Command::new(program)
        .args(words)
        .args(["--json", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{words:?}");
    serde_json::from_slice::<Value>(&out.stdout).expect("JSON")
}

fn authorize(client: &Client) -> String {
    format!(
        "/authorize?client_id={}&redirect_uri={}&response_type=code&scope=openid+profile&state=af0ifjsldkj&\
         nonce=n-0S6_WzA2Mj&code_challenge={CHALLENGE}&code_challenge_method=S256",
        client.id,
        escaped(REDIRECT)
    )
}

fn login(person: usize) -> String {
    format!("person{person}")
}

fn escaped(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

/// The cookies of one browser.
#[derive(Default)]
struct Jar(Vec<(String, String)>);

impl Jar {
    fn keep(&mut self, answer: &Answer) {
        for (name, value) in &answer.cookies {
            self.0.retain(|(known, _)| known != name);
            self.0.push((name.clone(), value.clone()));
        }
    }

    fn header(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }
}

/// The first process of the server, the parent of all others.
fn first_process(server: &postgres::Server) -> u32 {
    let file = format!("{}/data/postmaster.pid", server.folder());
    let file = std::fs::read_to_string(file).expect("the server runs");
    file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
}
