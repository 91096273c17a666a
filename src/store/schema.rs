//! The tables, as diesel sees them.

diesel::table! {
    facts (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        metadata -> Text,
        disabled -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    client_secrets (client_id, number) {
        client_id -> Text,
        number -> BigInt,
        hash -> Binary,
        sealed -> Nullable<Binary>,
        created_at -> BigInt,
        ends_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        last_used_network -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        login -> Text,
        login_shown -> Text,
        password_hash -> Nullable<Text>,
        claims -> Text,
        disabled -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    consents (user_id, client_id) {
        user_id -> Text,
        client_id -> Text,
        scopes -> Text,
        resources -> Text,
        granted_at -> BigInt,
        used_at -> BigInt,
        claims -> Text,
    }
}

diesel::table! {
    logos (client_id) {
        client_id -> Text,
        uri -> Text,
        due -> BigInt,
        name -> Nullable<Text>,
        image -> Nullable<Binary>,
    }
}

diesel::table! {
    dead_grants (id) {
        id -> Binary,
        exp -> BigInt,
    }
}

diesel::table! {
    grants (id) {
        id -> Binary,
        client_id -> Text,
        user_id -> Nullable<Text>,
        session_id -> Nullable<Binary>,
        terms -> Text,
        agreed_at -> BigInt,
        salt -> Binary,
        generation -> BigInt,
        used_at -> BigInt,
        used_before -> BigInt,
        late_hits -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoked_why -> Nullable<Text>,
        absolute_end -> BigInt,
        idle_end -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    dead_tokens (jti) {
        jti -> Text,
        exp -> BigInt,
    }
}

diesel::table! {
    resources (id) {
        id -> Text,
        declaration -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    resource_clients (resource_id, client_id) {
        resource_id -> Text,
        client_id -> Text,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        alg -> Text,
        state -> Text,
        public_jwk -> Text,
        private_sealed -> Nullable<Binary>,
        created_at -> BigInt,
        since -> BigInt,
        until -> BigInt,
    }
}

diesel::table! {
    secrets (name) {
        name -> Text,
        sealed -> Binary,
    }
}

diesel::table! {
    events (id) {
        id -> Text,
        seq -> Nullable<BigInt>,
        at -> BigInt,
        actor_kind -> Text,
        actor -> Nullable<Text>,
        event -> Text,
        subject -> Nullable<Text>,
        client -> Nullable<Text>,
        outcome -> Text,
        via -> Text,
        request_id -> Nullable<Text>,
        network -> Nullable<Text>,
        context -> Text,
        sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    person_keys (person) {
        person -> Text,
        sealed -> Binary,
    }
}

diesel::table! {
    last_sign_ins (person) {
        person -> Text,
        at -> BigInt,
        client -> Nullable<Text>,
    }
}

diesel::table! {
    skeletons (skeleton) {
        skeleton -> Text,
        person -> Text,
    }
}

diesel::table! {
    addresses (address, person) {
        address -> Text,
        person -> Text,
        verified_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    users, consents, clients, client_secrets, grants, dead_grants, dead_tokens, skeletons, addresses
);

diesel::joinable!(client_secrets -> clients (client_id));

diesel::table! {
    endings (user_id) {
        user_id -> Text,
        since -> BigInt,
    }
}
