//! What an application asks for, in words.

use crate::app::App;
use crate::protocol::consent::Consent;
use crate::protocol::resource::Resource;
use crate::texts::Texts;

/// One permission that an application asks for.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The permission in words.
    pub title: String,
    /// A second line.
    pub detail: Option<String>,
}

impl ScopeLine {
    /// Describes a standard scope. Other scopes have the operator's description.
    pub fn standard(texts: Texts, scope: &str) -> Option<Self> {
        let title = format!("scope-{scope}");
        let detail = format!("{title}-detail");
        (texts.has(&title) && texts.has(&detail))
            .then(|| Self { title: texts.get(&title), detail: Some(texts.get(&detail)) })
    }
}

/// Each scope in words: a standard scope by the texts, a resource's scope by its declaration. Claims requested by name
/// are listed together, and a resource that is requested without a scope of its own is named as well.
pub fn permissions(texts: Texts, app: &App, asked: &Consent) -> Vec<ScopeLine> {
    let (scope, resources) = (&asked.scopes, app.resources.load());
    let name = |resource: &Resource| resource.name.clone().unwrap_or_else(|| resource.uri.clone());
    let describe = |scope: &str| {
        if let Some(line) = ScopeLine::standard(texts, scope) {
            return line;
        }
        let owner = resources.iter().find(|resource| resource.has(scope));
        let words = owner.and_then(|owner| owner.describe(scope, texts.lang()));
        ScopeLine { title: words.unwrap_or(scope).into(), detail: owner.map(name) }
    };
    let bare = resources.iter().filter(|resource| {
        asked.resources.contains(&resource.uri) && !scope.names().any(|scope| resource.has(scope))
    });
    let bare = bare.map(|resource| ScopeLine {
        title: texts.with("scope-resource", &[("resource", &name(resource))]),
        detail: None,
    });
    let claims: Vec<String> = asked.claims.iter().map(|name| texts.get(&format!("claim-{name}"))).collect();
    let claims = (!claims.is_empty())
        .then(|| ScopeLine { title: texts.get("scope-claims"), detail: Some(claims.join(", ")) });
    // `openid` comes first, in whatever order the application sent the scopes.
    let mut names: Vec<&str> = scope.names().collect();
    names.sort_by_key(|name| *name != "openid");
    names.into_iter().map(describe).chain(claims).chain(bare).collect()
}
