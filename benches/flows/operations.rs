//! The operations that are measured, and the floor of each.

use std::time::Duration;

use crate::floors::Floors;
use crate::http::Connection;
use crate::process::Process;
use crate::provider::{PEOPLE, Provider};
use crate::tokens::Tokens;

/// One operation.
pub struct Operation {
    pub name: &'static str,
    /// The algorithm of the ID token, or of the access token that is shown.
    pub algorithm: Option<&'static str>,
    /// How often it is done in one round.
    pub times: usize,
    /// Over how many connections at once; none means the usual number.
    pub connections: Option<usize>,
    /// How it is done once.
    pub work: fn(&Provider, &mut Connection, usize),
    /// The least it can cost.
    pub floor: fn(&Parts) -> Duration,
}

/// What the floors are made of, measured in the same round.
pub struct Parts {
    rs256: Duration,
    es256: Duration,
    verified: Duration,
    argon2: Duration,
    http: Duration,
    commit: Duration,
}

impl Parts {
    pub fn measure(provider: &Provider, floors: &Floors, bare: &Process, scale: usize) -> Parts {
        let http = crate::measure::timed(
            bare.port,
            || bare.cpu(),
            crate::measure::CONNECTIONS,
            20_000 / scale,
            |link, _| assert_eq!(link.get("/", "").status, 200),
        );
        Parts {
            rs256: floors.rs256(),
            es256: floors.es256(),
            verified: floors.es256_verified(),
            argon2: Floors::argon2(),
            http: http.cpu,
            commit: provider.commit(),
        }
    }
}

/// A sign-on is two requests: `/authorize` with a live session, and `/token`.
static CODE: [Operation; 6] = [
    Operation {
        name: "sign-on",
        algorithm: Some("RS256"),
        times: 2_000,
        connections: None,
        work: |provider, link, number| drop(provider.sso(link, 0, number)),
        floor: |parts| parts.rs256 + parts.es256 + parts.http * 2,
    },
    Operation {
        name: "sign-on",
        algorithm: Some("ES256"),
        times: 2_000,
        connections: None,
        work: |provider, link, number| drop(provider.sso(link, 1, number)),
        floor: |parts| parts.es256 * 2 + parts.http * 2,
    },
    Operation {
        name: "login with password, 5 requests",
        algorithm: None,
        times: 100,
        connections: Some(1),
        work: |provider, link, number| provider.log_in(link, number),
        floor: |parts| parts.argon2 + parts.http * 5,
    },
    Operation {
        name: "userinfo",
        algorithm: Some("ES256"),
        times: 10_000,
        connections: None,
        work: |provider, link, number| {
            assert_eq!(link.get("/userinfo", &provider.bearers[number % PEOPLE]).status, 200);
        },
        floor: |parts| parts.verified + parts.http,
    },
    Operation {
        name: "JWKS",
        algorithm: None,
        times: 20_000,
        connections: None,
        work: |_, link, _| assert_eq!(link.get("/.well-known/jwks.json", "").status, 200),
        floor: |parts| parts.http,
    },
    Operation {
        name: "discovery",
        algorithm: None,
        times: 20_000,
        connections: None,
        work: |_, link, _| assert_eq!(link.get("/.well-known/openid-configuration", "").status, 200),
        floor: |parts| parts.http,
    },
];

/// What [`Provider::tokens`] is needed for.
static TOKENS: [Operation; 4] = [
    Operation {
        name: "refresh, public client",
        algorithm: Some("ES256"),
        times: 4_000,
        connections: None,
        work: |provider, link, number| tokens(provider).refresh(link, number),
        floor: |parts| parts.es256 + parts.http + parts.commit,
    },
    Operation {
        name: "client_credentials",
        algorithm: Some("ES256"),
        times: 5_000,
        connections: None,
        work: |provider, link, _| tokens(provider).with_secret(link),
        floor: |parts| parts.es256 + parts.http,
    },
    Operation {
        name: "the same, private_key_jwt",
        algorithm: Some("ES256"),
        times: 4_000,
        connections: None,
        work: |provider, link, _| {
            tokens(provider).with_key(link, &format!("http://localhost:{}", provider.port));
        },
        floor: |parts| parts.es256 + parts.verified + parts.http,
    },
    Operation {
        name: "introspection",
        algorithm: Some("ES256"),
        times: 5_000,
        connections: None,
        work: |provider, link, number| provider.introspect(link, number),
        floor: |parts| parts.verified + parts.http,
    },
];

/// The operations of all these providers: those that one of them lacks are left out.
pub fn of(providers: &[&Provider]) -> impl Iterator<Item = &'static Operation> + use<> {
    let has_tokens = providers.iter().all(|provider| provider.tokens.is_some());
    CODE.iter().chain(TOKENS.iter().filter(move |_| has_tokens))
}

fn tokens(provider: &Provider) -> &Tokens {
    provider.tokens.as_ref().expect("only a program that has these grants is measured")
}

impl Operation {
    /// Its name, with the algorithm if there is one.
    pub fn title(&self) -> String {
        self.algorithm.map_or_else(|| self.name.to_owned(), |alg| format!("{}, {alg}", self.name))
    }
}
