//! A real browser: Chromium, driven as a person drives it. One driver serves all tests of this process;
//! each test has a browser with a fresh profile.

mod driver;
mod keyboard;
mod looks;
mod record;

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use looks::{Look, ScreenSize};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a browser differs from the usual one.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Whether pages may run script.
    pub script: bool,
    /// Whether it keeps cookies.
    pub cookies: bool,
    /// Whether it takes any certificate.
    pub any_certificate: bool,
    /// How large text is by default, in pixels; layout keeps its size otherwise.
    pub text: u32,
}

impl Default for Profile {
    fn default() -> Self {
        Profile { script: true, cookies: true, any_certificate: false, text: 16 }
    }
}

impl Profile {
    fn capabilities(self, folder: &TempDir) -> Value {
        let mut args: Vec<String> = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--lang=en-US", "--force-color-profile=srgb",
            // The pipe closes when the driver ends, and with it the browser.
            "--remote-debugging-pipe",
            // Nothing but this machine can be reached.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
        ]
        .map(str::to_owned)
        .into();
        args.push(format!("--user-data-dir={}", folder.path().display()));
        args.extend((!self.script).then(|| "--blink-settings=scriptEnabled=false".to_owned()));
        args.extend(self.any_certificate.then(|| "--ignore-certificate-errors".to_owned()));
        let mut prefs = json!({ "credentials_enable_service": false, "webkit": { "webprefs": { "default_font_size": self.text } } });
        if !self.cookies {
            prefs["profile.default_content_setting_values.cookies"] = json!(2);
        }
        json!({
            "goog:chromeOptions": { "args": args, "prefs": prefs },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        })
    }
}

/// A running browser; it ends when dropped, but a test that passed must have called [`Chromium::finish`].
pub struct Chromium {
    client: Client,
    session: String,
    finished: bool,
    _folder: TempDir,
}

impl Chromium {
    pub async fn start() -> Chromium {
        Chromium::start_with(Profile::default()).await
    }

    pub async fn start_with(profile: Profile) -> Chromium {
        let folder = tempfile::tempdir().unwrap();
        let Value::Object(capabilities) = profile.capabilities(&folder) else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&driver::url()).await.unwrap();
        // Ending the session is left to `drop`, which also works when a test panics.
        client.persist().await.unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        Chromium { client, session, finished: false, _folder: folder }
    }

    /// Opens an address and waits for the page it leads to.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The browser's own button.
    pub async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// The browser's own button.
    pub async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Opens another tab of the same browser and turns to it.
    pub async fn new_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.turn_to(&tab).await;
        tab
    }

    /// The tab that is looked at.
    pub async fn tab(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Turns to another tab.
    pub async fn turn_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap();
    }

    /// Waits until a page whose address begins like this is there, whole.
    #[track_caller]
    pub fn at(&self, begin: &str) -> impl Future<Output = ()> {
        self.until(format!("location.href.startsWith({})", json!(begin)))
    }

    /// Waits until the page shows an element.
    #[track_caller]
    pub fn shows(&self, css: &str) -> impl Future<Output = ()> {
        self.until(format!("document.querySelector({})", json!(css)))
    }

    /// Waits until this holds on a page that is there, whole; tells where it waited in vain.
    #[track_caller]
    pub fn until(&self, condition: String) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            let script = format!("return document.readyState === 'complete' && !!({condition})");
            // Between two pages there is nothing to ask.
            while !self.client.execute(&script, vec![]).await.is_ok_and(|holds| holds == true) {
                if begun.elapsed() > PATIENCE {
                    let url = self.client.current_url().await;
                    let text = self.client.execute("return document.body.innerText", vec![]).await;
                    panic!("{caller}: waited in vain for {condition}, at {url:?} with {text:?}");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// What a script on the page answers.
    pub async fn ask(&self, expression: &str) -> Value {
        self.client.execute(&format!("return {expression}"), vec![]).await.unwrap()
    }

    /// Runs a script on the page, whatever the page's own policy says of scripts.
    pub async fn run(&self, script: &str) {
        self.client.execute(script, vec![]).await.unwrap();
    }

    /// What a promise of a script on the page becomes.
    pub async fn ask_later(&self, promise: &str) -> Value {
        let script = format!("const done = arguments[0]; ({promise}).then(done, e => done(String(e)))");
        self.client.execute_async(&script, vec![]).await.unwrap()
    }

    /// The address that is shown.
    pub async fn url(&self) -> url::Url {
        self.client.current_url().await.unwrap()
    }

    /// The text a person reads in an element, its white space made even.
    pub async fn text(&self, css: &str) -> String {
        let text = self.element(css).await.text().await.unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> String {
        self.element(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Waits until a person sees an element.
    #[track_caller]
    pub fn seen(&self, css: &str) -> impl Future<Output = ()> {
        let visible = "checkVisibility({ visibilityProperty: true })";
        self.until(format!("document.querySelector({})?.{visible}", json!(css)))
    }

    /// Clicks what can be seen.
    pub async fn click(&self, css: &str) {
        self.seen(css).await;
        self.element(css).await.click().await.unwrap();
    }

    /// Types into a field, in place of what it held.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    async fn element(&self, css: &str) -> Element {
        self.shows(css).await;
        self.client.find(Locator::Css(css)).await.unwrap()
    }

    /// Ends it, and checks that the console stayed silent.
    pub async fn finish(mut self) {
        self.finished = true;
        self.assert_silent().await;
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        driver::end_session(&self.session);
        assert!(self.finished || std::thread::panicking(), "nobody looked at the console");
    }
}
