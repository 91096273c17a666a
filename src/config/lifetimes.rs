//! `[lifetimes]`: how long sessions, codes and tokens live.

use serde::Deserialize;
use time::Duration;

use super::error::ConfigError;
use crate::protocol::lifetimes::Lifetimes;
use crate::protocol::session::SessionPolicy;
use crate::protocol::span::Span;

/// `[lifetimes]` in the configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LifetimeSettings {
    session_idle: Option<Span>,
    session_absolute: Option<Span>,
    stay_signed_in: Option<Span>,
    code: Option<Span>,
    id_token: Option<Span>,
    access_token: Option<Span>,
    refresh_idle: Option<Span>,
    refresh_absolute: Option<Span>,
    accept_long_tokens: bool,
}

/// The lifetimes as configured or by default.
pub(super) fn lifetimes(settings: &LifetimeSettings) -> Result<Lifetimes, ConfigError> {
    let default = Lifetimes::default();
    let or = |said: Option<Span>, default: Duration| said.map_or(default, |Span(span)| span);
    let absolute = or(settings.session_absolute, default.session.absolute);
    let refresh_absolute = or(settings.refresh_absolute, default.refresh_absolute);
    let lifetimes = Lifetimes {
        session: SessionPolicy {
            idle: or(settings.session_idle, default.session.idle.min(absolute)),
            absolute,
            remembered: or(settings.stay_signed_in, default.session.remembered),
        },
        code: or(settings.code, default.code),
        id_token: or(settings.id_token, default.id_token),
        access_token: or(settings.access_token, default.access_token),
        refresh_idle: or(settings.refresh_idle, default.refresh_idle.min(refresh_absolute)),
        refresh_absolute,
        accept_long_tokens: settings.accept_long_tokens,
    };
    let wrong = |(name, fault)| ConfigError(format!("[lifetimes] {name} {fault}"));
    lifetimes.check().map_err(wrong)?;
    Ok(lifetimes)
}
