//! `/assets/*`: files named by their hashes, so that they can be cached for ever.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::web::assets;
use crate::web::failure::PageFailure;

/// The policy for a client's image that is opened by itself: nothing is allowed.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// `GET /assets/{name}`: a file of ours, or the logo of a client.
pub async fn get(name: web::Path<String>, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let mut res = HttpResponse::Ok();
    res.insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"));
    if let Some(asset) = assets::find(&name) {
        return Ok(res.content_type(asset.content_type).body(asset.bytes));
    }
    let (image, content_type) = app.logos.image(&name).await?.ok_or(PageFailure::NotFound)?;
    res.insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX));
    Ok(res.content_type(content_type).body(image))
}
