//! A route. Its callers decide the form of its failures, the answer to a wrong method, CORS, and whether a request has
//! to be a navigation.

use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard, middleware};

use crate::web::around::cors::{self, Scripts};
use crate::web::browser::origin::navigations_only;
use crate::web::failure::MethodNotAllowed;
use crate::web::failure::PageFailure;
use crate::web::metrics::Route;

/// The callers of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// People, by navigation: failures are pages, and scripts and images of other sites are refused.
    People,
    /// Browsers, for the static files of pages: failures are pages.
    Browsers,
    /// Programs of clients, and scripts of their registered origins: failures are JSON.
    Programs,
    /// Programs that hold tokens of others: failures are JSON, and no script may read an answer.
    Services,
    /// Any program and any script: answers are public, failures are JSON.
    Anyone,
    /// Monitors: failures are JSON, and no script may read an answer.
    Monitors,
}

/// A route under construction.
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

    /// Counts the requests with these metrics.
    pub fn counted(self, count: Route) -> Way {
        Way { resource: self.resource.app_data(count), ..self }
    }

    /// Gives the handlers access to this value.
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

    /// The path, if programs of clients call it.
    pub fn program_path(&self) -> Option<String> {
        matches!(self.callers, Callers::Programs | Callers::Services).then(|| self.path.clone())
    }

    /// Mounts the route, with the rules of its callers.
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
            Callers::Services | Callers::Monitors => service.service(resource.default_service(json(allow))),
        };
    }
}
