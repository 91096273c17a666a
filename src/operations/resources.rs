//! Resources beside those of the configuration file: declaring, changing and removing them.

use super::Operation;
use crate::db::DbError;
use crate::keys::policy::KeyPolicy;
use crate::keys::promise;
use crate::protocol::resource::{Resource, ResourceFault, Resources, Wrong};
use crate::store::clients;
use crate::store::resources::{self, Edited, Named};

/// What a resource has to fit in with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The resources of the configuration file, which win.
    pub declared: &'a Resources,
    /// The issuer.
    pub issuer: &'a str,
    /// The key policy.
    pub policy: &'a KeyPolicy,
}

/// Why a resource is not declared, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum DeclareFault {
    /// There is no such resource.
    #[error("there is no such resource")]
    Unknown,
    /// There is one with this identifier already.
    #[error("there is a resource {0} already")]
    Taken(String),
    /// There is no such client to act as it.
    #[error("there is no client {0:?} to act as the resource")]
    NoClient(String),
    /// It cannot be declared.
    #[error(transparent)]
    Resource(#[from] ResourceFault),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Declares a resource. Nodes see it within some seconds.
pub async fn add(
    op: &Operation<'_>,
    resource: &Resource,
    beside: Surroundings<'_>,
) -> Result<(), DeclareFault> {
    check(op, resource, beside).await?;
    let declared = beside.declared.clone();
    let admit = move |new: &Resource, rows| fit(new, &declared, rows);
    match resources::add(op.db, resource.clone(), admit, op.by.clone(), op.now).await? {
        Some(admitted) => Ok(admitted?),
        None => Err(DeclareFault::Taken(resource.uri.clone())),
    }
}

/// Changes a resource by `edit`, which gets it as it is stored. The identifier stays.
pub async fn change(
    op: &Operation<'_>,
    uri: &str,
    edit: impl Fn(&Resource) -> Resource + Send + 'static,
    beside: Surroundings<'_>,
) -> Result<Edited, DeclareFault> {
    let before = find(op, uri).await?.ok_or(DeclareFault::Unknown)?;
    check(op, &edit(&before), beside).await?;
    let (declared, issuer) = (beside.declared.clone(), beside.issuer.to_owned());
    let algorithms = beside.policy.algorithms.clone();
    let edit = move |stored: &Resource, others| {
        let new = edit(stored);
        new.check(&issuer, &algorithms)?;
        fit(&new, &declared, others)?;
        Ok::<_, ResourceFault>(new)
    };
    let edited = resources::edit(op.db, uri, edit, op.by.clone(), op.now).await?;
    Ok(edited.ok_or(DeclareFault::Unknown)??)
}

/// Removes a resource. Tokens for it end by themselves; none is issued any more as soon as a node has seen the change.
/// Returns how many consents and grants name it.
pub async fn remove(op: &Operation<'_>, uri: &str) -> Result<(Resource, Named), DeclareFault> {
    let resource = find(op, uri).await?.ok_or(DeclareFault::Unknown)?;
    let named = resources::named(op.db, &resource.uri).await?;
    if !resources::remove(op.db, &resource.uri, op.by.clone(), op.now).await? {
        return Err(DeclareFault::Unknown);
    }
    Ok((resource, named))
}

async fn find(op: &Operation<'_>, uri: &str) -> Result<Option<Resource>, DbError> {
    let rows = Resources::default().and(resources::list(op.db).await?);
    Ok(rows.find(uri).cloned())
}

/// Checks a resource by itself, and records its lifetime before it can be offered: keys that sign its tokens have to be
/// public for as long.
async fn check(
    op: &Operation<'_>,
    resource: &Resource,
    beside: Surroundings<'_>,
) -> Result<(), DeclareFault> {
    resource.check(beside.issuer, &beside.policy.algorithms)?;
    for id in &resource.clients {
        if clients::by_id(op.db, id).await?.is_none() {
            return Err(DeclareFault::NoClient(id.clone()));
        }
    }
    if let Some(lifetime) = resource.lifetime() {
        let policy = beside.policy.clone();
        op.db.write(move |conn| promise::offer(conn, &policy, lifetime)).await?;
    }
    Ok(())
}

/// Checks that neither the configuration file nor another row excludes a resource.
fn fit(new: &Resource, declared: &Resources, others: Vec<Resource>) -> Result<(), ResourceFault> {
    let conflict = declared.conflict(new).or_else(|| Resources::default().and(others).conflict(new));
    let refuse = |conflict| Err(ResourceFault { uri: new.uri.clone(), wrong: Wrong::Conflict(conflict) });
    conflict.map_or(Ok(()), refuse)
}
