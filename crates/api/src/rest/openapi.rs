//! The description of the interface, made of its handlers.

use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Problem, Rest, access, announcements, audit, groups, invitations, me, members, people, rooms,
    status, tokens,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hauspost",
        description = "Administration, rooms and posting. Every request carries `Authorization: Bearer TOKEN`; docs/rest.md says how to get one. \
            Times are in UTC as `2026-11-24T08:00:00.000000Z`. Lists come in pages: `next` of a page is the `cursor` of the one behind it. \
            A POST with an `Idempotency-Key` is carried out once. Errors are `application/problem+json` (RFC 9457).",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    components(schemas(Problem)),
    security(("bearer" = [])),
    tags(
        (name = "me", description = "What belongs to the account of the token"),
        (name = "people", description = "Accounts"),
        (name = "groups", description = "Departments and teams"),
        (name = "invitations", description = "Links with which people make their accounts"),
        (name = "rooms", description = "Rooms, who is in them, and posting into open ones"),
        (name = "audit", description = "Who has changed what"),
        (name = "server", description = "The server itself"),
    )
)]
struct Described;

/// All handlers.
pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(me::show))
        .routes(routes!(access::list_own))
        .routes(routes!(access::revoke_own))
        .routes(routes!(access::make_app_password))
        .routes(routes!(tokens::list_own, tokens::make))
        .routes(routes!(tokens::revoke_own))
        .routes(routes!(people::list, people::make))
        .routes(routes!(people::show, people::rename, people::remove))
        .routes(routes!(people::set_role))
        .routes(routes!(people::set_enabled))
        .routes(routes!(people::set_groups))
        .routes(routes!(people::set_password))
        .routes(routes!(access::list))
        .routes(routes!(access::revoke))
        .routes(routes!(access::end_sessions))
        .routes(routes!(tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(groups::list))
        .routes(routes!(groups::join, groups::leave))
        .routes(routes!(invitations::list, invitations::make))
        .routes(routes!(invitations::revoke))
        .routes(routes!(rooms::list, rooms::make))
        .routes(routes!(rooms::show, rooms::change, rooms::remove))
        .routes(routes!(members::list))
        .routes(routes!(members::set, members::remove))
        .routes(routes!(rooms::post))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(audit::head))
        .routes(routes!(status::show))
        .routes(routes!(announcements::announce))
        .routes(routes!(
            announcements::show,
            announcements::set,
            announcements::remove
        ))
}

/// The description with what all operations have in common.
pub(super) fn finished(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.info.version = "1".into();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert(
        "bearer".into(),
        RefOr::T(SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
    );
    let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let mut wrong = Response::new("What went wrong, and what to do about it");
    wrong
        .content
        .insert("application/problem+json".into(), RefOr::T(problem));
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("default".into(), RefOr::T(wrong.clone()));
        }
    }
    document
}

/// The description as text, as `docs/openapi.json` holds it.
#[must_use]
pub fn document() -> String {
    let (_, document) = routes().split_for_parts();
    let mut text = finished(document).to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
