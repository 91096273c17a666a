//! `countersign demo`: a provider with demo people, and one company with several sites: a bank, a retirement fund, and
//! the API that both call. Each has its own origin. The sites are Relying Parties like any other: all they know of
//! people came over HTTP.

mod api; // the protected resource, which verifies access tokens
mod error; // why the demo cannot start
mod options; // options
mod pages; // the views of the sites
mod people; // the people who can sign in, and their passwords
mod registrations; // the sites and the API at the provider
mod running; // the running servers
mod site; // a Relying Party, started twice
mod terminal; // the terminal as a device
mod words; // instants in words

use std::net::TcpListener;
use std::sync::Arc;

use crate::app::App;
use crate::config::Config;
use crate::operations::Operation;
use crate::operations::demo::{self, DemoFault};
use crate::server;
use crate::state::kv::Kv;
use crate::store::events::Actor;

pub use error::DemoError;
pub use options::{Options, Ports};
pub use running::{Login, Running, announce};
pub use terminal::{Codes, SignedIn, Terminal};

use error::other;
use site::relying_party::{Site, SiteSetup};
use site::site_id::SiteId;

/// The actor of what the demo sets up.
const ACTOR: Actor = Actor::System(Some("demo"));

/// The listeners of one origin.
struct Bound {
    listeners: Vec<TcpListener>,
    origin: String,
}

/// Binds all four addresses and starts the servers; returns while they run.
pub async fn start(options: Options) -> Result<Running, DemoError> {
    let ports = options.ports;
    let provider = bind("localhost", ports.provider, "COUNTERSIGN_DEMO_PORT")?;
    let bank = bind("bank.localhost", ports.bank, "COUNTERSIGN_DEMO_BANK_PORT")?;
    let fund = bind("fund.localhost", ports.fund, "COUNTERSIGN_DEMO_FUND_PORT")?;
    let api = bind("api.localhost", ports.api, "COUNTERSIGN_DEMO_API_PORT")?;

    let resources = vec![registrations::resource(&api.origin)];
    let config = Config::development(&provider.origin, &options.data_dir, &options.keys_dir, resources)?;
    let app = Arc::new(App::build(config, options.clock.clone())?);
    let credentials = people::Credentials::open(&options.data_dir)?;
    let people = set_up(&app, &credentials, [&bank.origin, &fund.origin]).await?;

    let kv = Kv::file(&options.data_dir.join("sites.db"))?;
    let http = outbound()?;
    let setup = |id, origin: &Bound, other: &Bound, secret: Option<&str>| SiteSetup {
        id,
        origin: origin.origin.clone(),
        other: other.origin.clone(),
        api: api.origin.clone(),
        secret: secret.map(str::to_owned),
        app: Arc::clone(&app),
        kv: kv.clone(),
        http: http.clone(),
    };
    let bank_site = Site::new(setup(SiteId::Bank, &bank, &fund, None))?;
    let fund_site = Site::new(setup(SiteId::Fund, &fund, &bank, Some(&credentials.fund_secret)))?;
    let balances = api::Api::new(&app, &api.origin, [&bank.origin, &fund.origin], http.clone())?;

    let terminal = Terminal::new(&provider.origin, http);
    let mut running = Running::new(
        &options,
        &app,
        people,
        terminal,
        [&provider.origin, &bank.origin, &fund.origin, &api.origin],
    );
    running.sweep(kv, options.clock);
    running.watch(server::serve(&app, provider.listeners, 2, |_| ())?);
    running.watch(site::serve(bank_site, bank.listeners).map_err(other)?);
    running.watch(site::serve(fund_site, fund.listeners).map_err(other)?);
    running.watch(api::serve(balances, api.listeners).map_err(other)?);
    Ok(running)
}

/// Listens on loopback addresses only. Browsers resolve all names below `localhost` to them.
fn bind(host: &str, port: u16, variable: &'static str) -> Result<Bound, DemoError> {
    let listeners =
        server::bind(&format!("localhost:{port}")).map_err(|cause| DemoError::Port { cause, variable })?;
    let port =
        listeners.first().and_then(|listener| listener.local_addr().ok()).map_or(port, |taken| taken.port());
    Ok(Bound { listeners, origin: format!("http://{host}:{port}") })
}

/// Sets up the provider: the mark that keeps `serve` from this database, the people, and the two sites and the terminal as
/// clients.
async fn set_up(
    app: &App,
    credentials: &people::Credentials,
    [bank, fund]: [&String; 2],
) -> Result<Vec<Login>, DemoError> {
    let op = Operation::new(&app.db, &app.state, ACTOR, app.clock.now());
    demo::mark(&op).await.map_err(|fault| match fault {
        DemoFault::InUse => DemoError::NotOurs(app.db.shown_url()),
        DemoFault::Db(error) => error.into(),
    })?;
    let people = people::ensure(&op, app, credentials).await?;
    let offered = app.config.offered(&app.resources.load());
    for (id, origin, secret) in
        [(SiteId::Bank, bank, None), (SiteId::Fund, fund, Some(credentials.fund_secret.as_str()))]
    {
        registrations::ensure_site(&op, id, origin, secret, &offered).await?;
    }
    registrations::ensure_terminal(&op, &offered).await?;
    Ok(people)
}

/// The HTTP client of the sites and the API. It resolves names below `localhost` itself, which not every system does,
/// and uses no proxy.
fn outbound() -> Result<reqwest::Client, DemoError> {
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("localhost", here)
        .resolve("api.localhost", here)
        .connect_timeout(std::time::Duration::from_secs(2))
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .map_err(other)
}
