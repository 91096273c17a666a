//! Refusals before routing.

use std::collections::HashSet;
use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::error::InternalError;
use actix_web::http::{Method, header};
use actix_web::{Error, HttpResponse};

use super::address::is_trusted;
use crate::app::App;
use crate::web::answer::see_other;
use crate::web::failure::{PageFailure, TokenFailure};
use crate::web::metrics::PROBES;

/// The longest request target, in bytes.
const LONGEST_TARGET: usize = 32 * 1024;

/// The largest head, target included, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// The paths that programs call. A request to one of them that reaches no route is refused in JSON.
#[derive(Clone, Default)]
pub struct ProgramPaths(pub HashSet<String>);

/// The refusal of a request before routing.
pub fn early(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<Error> {
    too_large(req).or_else(|| past_the_proxy(req, app, peer)).or_else(|| other_host(req, app))
}

/// Refuses a request whose target or head is over its limit.
///
/// Spec: RFC 9110 §15.5.15; RFC 6585 §5
fn too_large(req: &ServiceRequest) -> Option<Error> {
    let target = req.uri().path_and_query().map_or(0, |target| target.as_str().len());
    // Each header is a line: a colon, a space and the line's end count as well.
    let fields = req.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let (page, what) = if target > LONGEST_TARGET {
        (PageFailure::TargetTooLong, "the request target is too long")
    } else if target + fields.sum::<usize>() > LARGEST_HEAD {
        (PageFailure::HeadTooLarge, "the head of the request is too large")
    } else {
        return None;
    };
    let is_program = req.app_data::<ProgramPaths>().is_some_and(|paths| paths.0.contains(req.path()));
    if !is_program {
        return Some(page.into());
    }
    Some(TokenFailure { status: page.status(), ..TokenFailure::bad_request("invalid_request", what) }.into())
}

/// Refuses a request that did not come through the TLS proxy, where there is one. Monitors may ask directly.
fn past_the_proxy(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<Error> {
    let config = &app.config;
    let is_probe = PROBES.iter().any(|probe| {
        req.path().strip_suffix(probe).is_some_and(|place| place.is_empty() || place == config.base)
    });
    if is_probe
        || config.development
        || config.tls.is_some()
        || peer.is_some_and(|peer| is_trusted(app, peer))
    {
        return None;
    }
    let refusal = HttpResponse::Forbidden().body("This listener is for the TLS proxy in front of it.\n");
    Some(InternalError::from_response("not from a trusted proxy", refusal).into())
}

/// Redirects a browser to the issuer's own host name, in development mode: browsers store separate cookies for
/// localhost and 127.0.0.1.
fn other_host(req: &ServiceRequest, app: &App) -> Option<Error> {
    let config = &app.config;
    let navigates = req.headers().get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if !config.development || !navigates || req.method() != Method::GET {
        return None;
    }
    let host = req.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if host.is_empty() || format!("http://{host}") == config.origin {
        return None;
    }
    let there = see_other(&format!("{}{}", config.origin, req.uri())).finish();
    Some(InternalError::from_response("another name of this host", there).into())
}
