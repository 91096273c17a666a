//! The stages of these stories: the demo, whole; and an application of the test's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use countersign::clock::Clock;
use countersign::demo::{self, Login, Options, Ports, Running};
use tempfile::TempDir;

use crate::support::chromium::Chromium;

/// The demo, on free ports, in a folder of its own.
pub struct Demo {
    pub running: Running,
    /// The clock of the provider, the sites and the API.
    pub clock: Clock,
    folder: TempDir,
}

impl Demo {
    pub async fn start() -> Demo {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports { provider: 0, bank: 0, fund: 0, api: 0 };
        let clock = Clock::default();
        Demo { running: Demo::run(&folder, ports, &clock).await, clock, folder }
    }

    /// Ends it and starts it again where it was.
    pub async fn restart(self) -> Demo {
        let port = |address: &str| url::Url::parse(address).unwrap().port().unwrap();
        let Running { provider, bank, fund, api, .. } = &self.running;
        let ports = Ports { provider: port(provider), bank: port(bank), fund: port(fund), api: port(api) };
        self.running.stop().await;
        Demo { running: Demo::run(&self.folder, ports, &self.clock).await, ..self }
    }

    async fn run(folder: &TempDir, ports: Ports, clock: &Clock) -> Running {
        let path = |name| folder.path().join(name);
        let options = Options { data_dir: path("data"), keys_dir: path("keys"), ports, clock: clock.clone() };
        demo::start(options).await.unwrap()
    }

    /// An address of the provider.
    pub fn provider(&self, path: &str) -> String {
        format!("{}{path}", self.running.provider)
    }

    /// The customer.
    pub fn ada(&self) -> &Login {
        &self.running.people[0]
    }

    /// Opens a site and goes to its sign-in, which ends at the form of the provider.
    pub async fn to_form(&self, chromium: &Chromium, site: &str) {
        chromium.open(site).await;
        chromium.click("#sign-in").await;
        chromium.at(&self.provider("/login")).await;
    }

    /// Signs Ada in from the page of a site.
    pub async fn sign_in(&self, chromium: &Chromium, site: &str) {
        self.to_form(chromium, site).await;
        fill_in(chromium, &self.ada().login, &self.ada().password).await;
        self.arrived(chromium, site).await;
    }

    /// Waits until a site greets Ada.
    pub async fn arrived(&self, chromium: &Chromium, site: &str) {
        chromium.at(&format!("{site}/")).await;
        chromium.shows("#sign-out").await;
        assert_eq!(chromium.text("h1").await, format!("Hello, {}.", self.ada().name));
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// Types name and password into the sign-in page and sends it off.
pub async fn fill_in(chromium: &Chromium, login: &str, password: &str) {
    chromium.fill("#username", login).await;
    chromium.fill("#password", password).await;
    chromium.click("button[type=submit]:not([name])").await;
}

/// An application's end of the way: it takes note of every address it is asked for and of what is posted
/// there, and answers with a page.
pub struct Album {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request: the address, and the body.
struct Asked {
    target: String,
    body: String,
}

impl Album {
    pub fn open() -> Album {
        Album::with_page("", "<h1>Album</h1>")
    }

    /// The same under a policy, with something else on its page.
    pub fn with_page(policy: &'static str, page: &'static str) -> Album {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let noted = Arc::clone(&noted);
                thread::spawn(move || answer(&stream.unwrap(), &noted, policy, page));
            }
        });
        Album { port, asked }
    }

    /// On `localhost`, so that cookies of a provider at 127.0.0.1 do not come here.
    pub fn at(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// The parameters of the last address of this path that was asked for.
    pub fn came_to(&self, path: &str) -> Vec<(String, String)> {
        let asked = self.asked.lock().unwrap();
        let urls = asked.iter().rev().map(|asked| url::Url::parse(&self.at(&asked.target)).unwrap());
        let last = urls.into_iter().find(|url| url.path() == path).expect("nobody came");
        last.query_pairs().into_owned().collect()
    }

    /// The parameters of the last form that was posted to this very address.
    pub fn was_posted(&self, target: &str) -> Vec<(String, String)> {
        let asked = self.asked.lock().unwrap();
        let last = asked.iter().rev().find(|asked| asked.target == target && !asked.body.is_empty());
        let body = last.expect("nothing was posted").body.as_bytes();
        url::form_urlencoded::parse(body).into_owned().collect()
    }
}

/// A connection that the browser only keeps ready sends nothing.
fn answer(mut stream: &TcpStream, noted: &Mutex<Vec<Asked>>, policy: &str, page: &str) {
    let mut request = BufReader::new(stream);
    let lines = request.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    let Some(first) = lines.first() else { return };
    let length = lines.iter().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map(|(_, length)| length.parse().unwrap()).next().unwrap_or(0)];
    request.read_exact(&mut body).unwrap();
    let (target, body) = (first.split(' ').nth(1).unwrap_or_default(), String::from_utf8(body).unwrap());
    noted.lock().unwrap().push(Asked { target: target.to_owned(), body });
    let body = format!("<!doctype html><title>Album</title><link rel=icon href=data:,>{page}");
    let policy =
        if policy.is_empty() { String::new() } else { format!("Content-Security-Policy: {policy}\r\n") };
    let _left = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{policy}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}
