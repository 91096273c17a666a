//! `[audit]`: how long events are kept.

use serde::Deserialize;

use super::error::{ConfigError, refuse};
use crate::protocol::event::Keep;
use crate::protocol::span;

/// `[audit]` in the configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditSettings {
    keep: KeepSettings,
}

/// Its `keep`: a span for each class of events.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeepSettings {
    sign_ins: Option<String>,
    changes: Option<String>,
    security: Option<String>,
}

/// How long events are kept, as configured or by default.
pub(super) fn keep(settings: AuditSettings) -> Result<Keep, ConfigError> {
    let KeepSettings { sign_ins, changes, security } = settings.keep;
    let default = Keep::default();
    let span = |name, said: Option<String>, default| {
        match said {
        None => Ok(default),
        Some(said) => span::parse(&said).map_or_else(
            || {
                refuse(format!(
                    "[audit] keep.{name} = {said:?} must be a whole number of days, hours, minutes or seconds up to \
                     ten years, such as \"90d\" or \"12h\""
                ))
            },
            Ok,
        ),
    }
    };
    Ok(Keep {
        sign_ins: span("sign_ins", sign_ins, default.sign_ins)?,
        changes: span("changes", changes, default.changes)?,
        security: span("security", security, default.security)?,
    })
}
