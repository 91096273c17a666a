//! `/assets/*`: named by their hashes, so that they can be kept for ever.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::protocol::failure::PageFailure;
use crate::web::assets;

/// `GET /assets/{name}`
pub async fn get(name: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let asset = assets::find(&name).ok_or(PageFailure::NotFound)?;
    let mut res = HttpResponse::Ok();
    res.insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"));
    Ok(res.content_type(asset.content_type).body(asset.bytes))
}
