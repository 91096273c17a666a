//! One route: who calls it decides how it answers a wrong method, what a browser's script may do with it, and
//! whether it must be navigated to.

use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard, middleware};

use crate::web::around::cors::{self, Scripts};
use crate::web::browser::origin::navigations_only;
use crate::web::failure::MethodNotAllowed;
use crate::web::failure::PageFailure;
use crate::web::metrics::Route;

/// Who calls a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// People, who navigate there: failures are pages, and scripts and images of other sites are refused.
    People,
    /// Browsers, for what our pages consist of: failures are pages.
    Browsers,
    /// Programs of clients, scripts of their registered origins among them: failures are JSON.
    Programs,
    /// Any program and any script: what is answered is public, failures are JSON.
    Anyone,
    /// Monitors: failures are JSON, and scripts have no business here.
    Monitors,
}

/// A route that is being put together.
pub struct Way {
    path: String,
    callers: Callers,
    resource: Resource,
    reads: bool,
    posts: bool,
}

impl Way {
    /// A route with no method yet.
    pub fn new(path: &str, callers: Callers) -> Way {
        Way { path: path.into(), callers, resource: web::resource(path), reads: false, posts: false }
    }

    /// Counts its requests there.
    pub fn counted(self, count: Route) -> Way {
        Way { resource: self.resource.app_data(count), ..self }
    }

    /// Hands this to its handlers.
    pub fn holding<T: 'static>(self, held: T) -> Way {
        Way { resource: self.resource.app_data(web::Data::new(held)), ..self }
    }

    /// Answers GET, and HEAD as GET without its body.
    pub fn get<F, Args>(self, handler: F) -> Way
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        Way { resource: self.resource.route(route), reads: true, ..self }
    }

    /// Answers POST.
    pub fn post<F, Args>(self, handler: F) -> Way
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Way { resource: self.resource.route(web::post().to(handler)), posts: true, ..self }
    }

    /// Its path, if programs of clients call it.
    pub fn program_path(&self) -> Option<String> {
        (self.callers == Callers::Programs).then(|| self.path.clone())
    }

    /// Mounts it, with what follows from who calls it.
    pub fn mount(self, service: &mut ServiceConfig) {
        let Way { callers, resource, reads, posts, .. } = self;
        let (allow, allow_preflight, asked) = match (reads, posts) {
            (true, true) => ("GET, HEAD, POST", "GET, HEAD, POST, OPTIONS", "GET, POST"),
            (true, false) => ("GET, HEAD", "GET, HEAD, OPTIONS", "GET, HEAD"),
            (false, _) => ("POST", "POST, OPTIONS", "POST"),
        };
        let preflight = |scripts| {
            let answer = move |req: HttpRequest| async move { cors::preflight(&req, asked, scripts) };
            web::method(actix_web::http::Method::OPTIONS).to(answer)
        };
        let page = web::to(move || async move { Err::<HttpResponse, _>(PageFailure::Method(allow)) });
        let json = |allow| web::to(move || async move { Err::<HttpResponse, _>(MethodNotAllowed { allow }) });
        match callers {
            Callers::People => {
                let navigated = resource.default_service(page).wrap(middleware::from_fn(navigations_only));
                service.service(navigated)
            }
            Callers::Browsers => service.service(resource.default_service(page)),
            Callers::Programs => {
                let resource = resource.route(preflight(Scripts::Registered));
                let resource = resource.default_service(json(allow_preflight));
                service.service(resource.wrap(middleware::from_fn(cors::around)))
            }
            Callers::Anyone => {
                let resource = resource.route(preflight(Scripts::Any));
                service.service(resource.default_service(json(allow_preflight)))
            }
            Callers::Monitors => service.service(resource.default_service(json(allow))),
        };
    }
}
