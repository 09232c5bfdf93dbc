SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.account_key_by_default() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.account_key := coalesce(NEW.account_key, account_key_of_ascii_address(NEW.email));
    RETURN NEW;
END
$$;
CREATE FUNCTION public.account_key_of_ascii_address(email text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
    SELECT lower(email COLLATE "C") WHERE email COLLATE "C" ~ '^[!-~]+$' AND octet_length(email) <= 1024
$_$;
CREATE FUNCTION public.newest_revocation_of_all() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all'
$$;
CREATE FUNCTION public.note_replaced_blocks() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE denials SET replaced_at = NEW.created_at
    WHERE subject = NEW.subject AND kind = 'user' AND replaced_at IS NULL;
    IF NEW.lifted THEN
        NEW.replaced_at := NEW.created_at;
    END IF;
    RETURN NEW;
END
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_keys_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_keys_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT api_keys_scopes_check CHECK ((cardinality(scopes) > 0))
);
CREATE TABLE public.audit_events (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    event text NOT NULL,
    outcome text NOT NULL,
    actor_id bigint,
    user_id bigint,
    session_id uuid,
    device_id uuid,
    connection_id uuid,
    address inet,
    request_id text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    subject text,
    api_key_id uuid,
    CONSTRAINT audit_events_detail_check CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT audit_events_event_check CHECK ((event <> ''::text)),
    CONSTRAINT audit_events_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text, 'denied'::text]))),
    CONSTRAINT audit_events_subject_check CHECK ((octet_length(subject) <= 255))
);
ALTER TABLE public.audit_events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backup_codes (
    user_id bigint NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT backup_codes_hash_check CHECK ((octet_length(hash) = 32))
);
CREATE TABLE public.bans (
    key text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT bans_check CHECK ((expires_at > created_at)),
    CONSTRAINT bans_key_check CHECK (((key <> ''::text) AND (octet_length(key) <= 100))),
    CONSTRAINT bans_reason_check CHECK ((octet_length(reason) <= 1000))
);
CREATE TABLE public.channel_epoch (
    one boolean DEFAULT true NOT NULL,
    epoch text NOT NULL,
    floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT channel_epoch_epoch_check CHECK ((epoch ~ '^[a-z]{8}$'::text)),
    CONSTRAINT channel_epoch_floor_check CHECK ((floor >= 0)),
    CONSTRAINT channel_epoch_one_check CHECK (one)
);
CREATE TABLE public.channel_idempotency (
    channel text NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT channel_idempotency_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 255)))
);
CREATE TABLE public.channel_messages (
    channel text NOT NULL,
    seq bigint NOT NULL,
    data bytea NOT NULL,
    subject text,
    connection_id uuid,
    conn_info bytea,
    chan_info bytea,
    tags json,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT channel_messages_check CHECK (((subject IS NULL) = (connection_id IS NULL))),
    CONSTRAINT channel_messages_seq_check CHECK ((seq > 0)),
    CONSTRAINT channel_messages_tags_check CHECK ((json_typeof(tags) = 'object'::text))
);
CREATE TABLE public.channels (
    name text NOT NULL,
    top bigint DEFAULT 0 NOT NULL,
    gone bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint,
    version_epoch text,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    erased_in xid8,
    CONSTRAINT channels_check CHECK (((gone >= 0) AND (gone <= top))),
    CONSTRAINT channels_check1 CHECK (((version IS NULL) = (version_epoch IS NULL))),
    CONSTRAINT channels_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255))),
    CONSTRAINT channels_top_check CHECK ((top >= 0)),
    CONSTRAINT channels_version_check CHECK ((version > 0)),
    CONSTRAINT channels_version_epoch_check CHECK ((octet_length(version_epoch) <= 255))
)
WITH (fillfactor='50');
CREATE TABLE public.database_origin (
    one boolean DEFAULT true NOT NULL,
    in_service_since timestamp with time zone,
    cluster bigint,
    database bigint,
    timeline bigint,
    written_by xid8 DEFAULT pg_current_xact_id() NOT NULL,
    restored_at timestamp with time zone,
    CONSTRAINT database_origin_one_check CHECK (one)
);
CREATE TABLE public.denials (
    id bigint NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    origin uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject text,
    token_id text,
    issued_before timestamp with time zone,
    channel text,
    lifted boolean DEFAULT false NOT NULL,
    expires_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT denials_channel_check CHECK (((octet_length(channel) >= 1) AND (octet_length(channel) <= 255))),
    CONSTRAINT denials_check CHECK (((kind = 'token'::text) = (token_id IS NOT NULL))),
    CONSTRAINT denials_check3 CHECK (((channel IS NULL) OR (kind = 'issued_before'::text))),
    CONSTRAINT denials_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'token'::text, 'issued_before'::text, 'all_issued_before'::text]))),
    CONSTRAINT denials_moment_fits CHECK (((kind = ANY (ARRAY['issued_before'::text, 'all_issued_before'::text])) = (issued_before IS NOT NULL))),
    CONSTRAINT denials_of_tokens_end CHECK (((kind = 'user'::text) OR (expires_at IS NOT NULL))),
    CONSTRAINT denials_reason_check CHECK ((octet_length(reason) <= 1000)),
    CONSTRAINT denials_subject_check CHECK ((octet_length(subject) <= 255)),
    CONSTRAINT denials_subject_fits CHECK (((kind = ANY (ARRAY['user'::text, 'issued_before'::text])) = (subject IS NOT NULL))),
    CONSTRAINT denials_token_id_check CHECK (((octet_length(token_id) >= 1) AND (octet_length(token_id) <= 255)))
);
ALTER TABLE public.denials ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.denials_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.device_login_attempts (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    user_id bigint,
    identifier text NOT NULL,
    method text NOT NULL,
    outcome text NOT NULL,
    device_id uuid,
    session_id uuid,
    address inet,
    user_agent text,
    fingerprint text,
    country text,
    city text,
    latitude double precision,
    longitude double precision,
    accuracy_km integer,
    network bigint,
    risk_score smallint,
    risk_reasons text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT device_login_attempts_accuracy_km_check CHECK ((accuracy_km >= 0)),
    CONSTRAINT device_login_attempts_city_check CHECK ((char_length(city) <= 100)),
    CONSTRAINT device_login_attempts_country_check CHECK ((char_length(country) = 2)),
    CONSTRAINT device_login_attempts_fingerprint_check CHECK ((char_length(fingerprint) = 32)),
    CONSTRAINT device_login_attempts_identifier_check CHECK ((char_length(identifier) = 32)),
    CONSTRAINT device_login_attempts_method_check CHECK ((method = ANY (ARRAY['password'::text, 'second_factor'::text, 'passkey'::text]))),
    CONSTRAINT device_login_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'challenged'::text, 'unknown_account'::text, 'wrong_password'::text, 'wrong_factor'::text, 'inactive_account'::text, 'superseded'::text, 'risk_refused'::text, 'credential_cloned'::text, 'invalid_passkey'::text]))),
    CONSTRAINT device_login_attempts_risk_score_check CHECK (((risk_score >= 0) AND (risk_score <= 100))),
    CONSTRAINT device_login_attempts_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
)
PARTITION BY RANGE (at);
CREATE TABLE public.device_login_attempts_default (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    user_id bigint,
    identifier text NOT NULL,
    method text NOT NULL,
    outcome text NOT NULL,
    device_id uuid,
    session_id uuid,
    address inet,
    user_agent text,
    fingerprint text,
    country text,
    city text,
    latitude double precision,
    longitude double precision,
    accuracy_km integer,
    network bigint,
    risk_score smallint,
    risk_reasons text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT device_login_attempts_accuracy_km_check CHECK ((accuracy_km >= 0)),
    CONSTRAINT device_login_attempts_city_check CHECK ((char_length(city) <= 100)),
    CONSTRAINT device_login_attempts_country_check CHECK ((char_length(country) = 2)),
    CONSTRAINT device_login_attempts_fingerprint_check CHECK ((char_length(fingerprint) = 32)),
    CONSTRAINT device_login_attempts_identifier_check CHECK ((char_length(identifier) = 32)),
    CONSTRAINT device_login_attempts_method_check CHECK ((method = ANY (ARRAY['password'::text, 'second_factor'::text, 'passkey'::text]))),
    CONSTRAINT device_login_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'challenged'::text, 'unknown_account'::text, 'wrong_password'::text, 'wrong_factor'::text, 'inactive_account'::text, 'superseded'::text, 'risk_refused'::text, 'credential_cloned'::text, 'invalid_passkey'::text]))),
    CONSTRAINT device_login_attempts_risk_score_check CHECK (((risk_score >= 0) AND (risk_score <= 100))),
    CONSTRAINT device_login_attempts_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
);
CREATE TABLE public.external_sessions (
    id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    token_id text,
    connection_id uuid NOT NULL,
    node uuid NOT NULL,
    address inet,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    ended_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revocation_id bigint,
    revoked_all bigint DEFAULT public.newest_revocation_of_all() NOT NULL,
    CONSTRAINT external_sessions_issuer_check CHECK ((octet_length(issuer) <= 100)),
    CONSTRAINT external_sessions_subject_check CHECK ((octet_length(subject) <= 255)),
    CONSTRAINT external_sessions_token_id_check CHECK ((octet_length(token_id) <= 255))
);
CREATE TABLE public.idempotency_keys (
    user_id bigint NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    answer text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_answer_check CHECK ((octet_length(answer) <= 65536)),
    CONSTRAINT idempotency_keys_check CHECK (((status IS NULL) = (answer IS NULL))),
    CONSTRAINT idempotency_keys_check1 CHECK ((expires_at > created_at)),
    CONSTRAINT idempotency_keys_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 255))),
    CONSTRAINT idempotency_keys_request_hash_check CHECK ((octet_length(request_hash) = 32)),
    CONSTRAINT idempotency_keys_status_check CHECK (((status >= 200) AND (status <= 299)))
);
CREATE TABLE public.lasting_keys (
    purpose text NOT NULL,
    sealed bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT lasting_keys_purpose_check CHECK ((purpose = ANY (ARRAY['attempts'::text, 'decoys'::text, 'backup_codes'::text, 'import'::text])))
);
CREATE TABLE public.passkey_credentials (
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    credential_id bytea NOT NULL,
    passkey jsonb NOT NULL,
    counter bigint DEFAULT 0 NOT NULL,
    aaguid uuid,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    suspended_at timestamp with time zone,
    user_handle bytea,
    backup_unknown boolean DEFAULT false NOT NULL,
    CONSTRAINT passkey_credentials_counter_check CHECK ((counter >= 0)),
    CONSTRAINT passkey_credentials_credential_id_check CHECK (((octet_length(credential_id) >= 1) AND (octet_length(credential_id) <= 1023))),
    CONSTRAINT passkey_credentials_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT passkey_credentials_passkey_check CHECK ((jsonb_typeof(passkey) = 'object'::text)),
    CONSTRAINT passkey_credentials_user_handle_check CHECK (((octet_length(user_handle) >= 1) AND (octet_length(user_handle) <= 64)))
);
CREATE TABLE public.refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);
CREATE TABLE public.registered_devices (
    user_id bigint NOT NULL,
    id uuid NOT NULL,
    fingerprint text,
    fingerprint_version smallint DEFAULT 2 NOT NULL,
    user_agent text,
    address inet,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    forgotten_at timestamp with time zone,
    label text,
    trust text DEFAULT 'new'::text NOT NULL,
    trusted_until timestamp with time zone,
    country text,
    city text,
    CONSTRAINT registered_devices_city_check CHECK ((char_length(city) <= 100)),
    CONSTRAINT registered_devices_country_check CHECK ((char_length(country) = 2)),
    CONSTRAINT registered_devices_fingerprint_check CHECK ((char_length(fingerprint) = 32)),
    CONSTRAINT registered_devices_fingerprint_version_check CHECK ((fingerprint_version > 0)),
    CONSTRAINT registered_devices_label_check CHECK (((char_length(label) >= 1) AND (char_length(label) <= 100))),
    CONSTRAINT registered_devices_trust_check CHECK ((trust = ANY (ARRAY['new'::text, 'trusted'::text, 'verified'::text]))),
    CONSTRAINT registered_devices_trust_ends CHECK (((trust = 'new'::text) = (trusted_until IS NULL))),
    CONSTRAINT registered_devices_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
);
CREATE TABLE public.revocation_nodes (
    revocation_id bigint NOT NULL,
    node uuid NOT NULL,
    state text NOT NULL,
    sockets_closed integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    after_ms bigint,
    CONSTRAINT revocation_nodes_after_ms_check CHECK ((after_ms >= 0)),
    CONSTRAINT revocation_nodes_pending_check CHECK ((pending >= 0)),
    CONSTRAINT revocation_nodes_sockets_closed_check CHECK ((sockets_closed >= 0)),
    CONSTRAINT revocation_nodes_state_check CHECK ((state = ANY (ARRAY['closing'::text, 'closed'::text, 'incomplete'::text])))
);
CREATE TABLE public.revocations (
    id bigint NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    scope text NOT NULL,
    origin uuid DEFAULT gen_random_uuid() NOT NULL,
    session_id uuid,
    device_id uuid,
    user_id bigint,
    except_session_id uuid,
    cause text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    actor_id bigint,
    sessions integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    subject text,
    network cidr,
    opened_since timestamp with time zone,
    users integer,
    excluded integer DEFAULT 0 NOT NULL,
    more boolean DEFAULT false NOT NULL,
    reported boolean DEFAULT false NOT NULL,
    CONSTRAINT revocations_cause_check CHECK ((cause = ANY (ARRAY['revoked'::text, 'signed_out'::text, 'password_changed'::text, 'account_disabled'::text, 'refresh_reused'::text, 'device_removed'::text, 'role_changed'::text, 'session_expired'::text, 'session_limit'::text, 'factor_changed'::text, 'credential_cloned'::text]))),
    CONSTRAINT revocations_check CHECK (((scope = 'session'::text) = (session_id IS NOT NULL))),
    CONSTRAINT revocations_check1 CHECK (((scope = 'device'::text) = (device_id IS NOT NULL))),
    CONSTRAINT revocations_check2 CHECK (((scope <> 'user'::text) OR (user_id IS NOT NULL))),
    CONSTRAINT revocations_check3 CHECK (((scope = 'subject'::text) = (subject IS NOT NULL))),
    CONSTRAINT revocations_excluded_check CHECK ((excluded >= 0)),
    CONSTRAINT revocations_reason_check CHECK ((octet_length(reason) <= 1000)),
    CONSTRAINT revocations_scope_check CHECK ((scope = ANY (ARRAY['session'::text, 'device'::text, 'user'::text, 'subject'::text, 'all'::text, 'network'::text, 'opened_since'::text, 'users'::text]))),
    CONSTRAINT revocations_sessions_check CHECK ((sessions >= 0)),
    CONSTRAINT revocations_subject_check CHECK ((octet_length(subject) <= 255)),
    CONSTRAINT revocations_users_check CHECK ((users > 0))
);
ALTER TABLE public.revocations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.revocations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.second_factor_failures (
    user_id bigint NOT NULL,
    source uuid NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    locked_until timestamp with time zone,
    CONSTRAINT second_factor_failures_failures_check CHECK ((failures > 0))
);
CREATE TABLE public.service_time (
    one boolean DEFAULT true NOT NULL,
    seen_at timestamp with time zone,
    outage_from timestamp with time zone,
    outage_until timestamp with time zone,
    written_by xid8,
    CONSTRAINT service_time_check CHECK ((outage_from < outage_until)),
    CONSTRAINT service_time_one_check CHECK (one)
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    device_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    refresh_counter bigint DEFAULT 0 NOT NULL,
    refresh_rotated_at timestamp with time zone,
    used_counter bigint DEFAULT 0 NOT NULL,
    retried_counter bigint,
    refresh_expires_at timestamp with time zone NOT NULL,
    privilege_epoch integer DEFAULT 0 NOT NULL,
    privileged_until timestamp with time zone,
    method text NOT NULL,
    address inet,
    user_agent text,
    revoked_at timestamp with time zone,
    revocation_id bigint,
    risk_score smallint,
    risk_reasons text[] DEFAULT '{}'::text[] NOT NULL,
    renewed_counter bigint,
    revoked_all bigint DEFAULT public.newest_revocation_of_all() NOT NULL,
    CONSTRAINT sessions_check CHECK ((expires_at > created_at)),
    CONSTRAINT sessions_check1 CHECK (((revocation_id IS NULL) OR (revoked_at IS NOT NULL))),
    CONSTRAINT sessions_check2 CHECK ((renewed_counter <= refresh_counter)),
    CONSTRAINT sessions_method_check CHECK ((method = ANY (ARRAY['password'::text, 'second_factor'::text, 'passkey'::text]))),
    CONSTRAINT sessions_privilege_epoch_check CHECK ((privilege_epoch >= 0)),
    CONSTRAINT sessions_refresh_counter_check CHECK ((refresh_counter >= 0)),
    CONSTRAINT sessions_risk_score_check CHECK (((risk_score >= 0) AND (risk_score <= 100))),
    CONSTRAINT sessions_used_counter_check CHECK ((used_counter >= 0)),
    CONSTRAINT sessions_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
);
CREATE TABLE public.statistics (
    step integer NOT NULL,
    series text NOT NULL,
    at timestamp with time zone NOT NULL,
    node uuid NOT NULL,
    label text DEFAULT ''::text NOT NULL,
    value bigint NOT NULL,
    minutes integer DEFAULT 1 NOT NULL,
    highest bigint NOT NULL,
    buckets bigint[],
    CONSTRAINT statistics_highest_check CHECK ((highest >= 0)),
    CONSTRAINT statistics_label_check CHECK ((octet_length(label) <= 100)),
    CONSTRAINT statistics_minutes_check CHECK ((minutes > 0)),
    CONSTRAINT statistics_series_check CHECK (((octet_length(series) >= 1) AND (octet_length(series) <= 50))),
    CONSTRAINT statistics_step_check CHECK ((step = ANY (ARRAY[60, 3600]))),
    CONSTRAINT statistics_value_check CHECK ((value >= 0))
);
CREATE TABLE public.two_factor_challenges (
    id uuid NOT NULL,
    kind text NOT NULL,
    user_id bigint,
    presession_id uuid,
    session_id uuid,
    generation integer,
    revoked_all bigint,
    state jsonb DEFAULT '{}'::jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT two_factor_challenges_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT two_factor_challenges_check CHECK ((num_nonnulls(presession_id, session_id) = 1)),
    CONSTRAINT two_factor_challenges_kind_check CHECK ((kind = ANY (ARRAY['sign_in'::text, 'passkey_registration'::text, 'passkey_sign_in'::text, 'passkey_factor'::text, 'passkey_step_up'::text]))),
    CONSTRAINT two_factor_challenges_state_check CHECK ((jsonb_typeof(state) = 'object'::text))
);
CREATE TABLE public.user_two_factor (
    user_id bigint NOT NULL,
    secret bytea NOT NULL,
    key_id text NOT NULL,
    last_step bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT user_two_factor_key_id_check CHECK ((key_id <> ''::text)),
    CONSTRAINT user_two_factor_last_step_check CHECK ((last_step >= 0))
);
CREATE TABLE public.users (
    id bigint NOT NULL,
    email text NOT NULL,
    display_name text,
    password_hash text NOT NULL,
    role text DEFAULT 'user'::text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    is_active boolean GENERATED ALWAYS AS ((status = 'active'::text)) STORED NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone,
    password_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    webauthn_user_handle uuid DEFAULT gen_random_uuid() NOT NULL,
    account_key text COLLATE pg_catalog."C",
    CONSTRAINT users_account_key_check CHECK (((octet_length(account_key) >= 1) AND (octet_length(account_key) <= 1024))),
    CONSTRAINT users_display_name_check CHECK (((char_length(display_name) >= 1) AND (char_length(display_name) <= 100))),
    CONSTRAINT users_email_check CHECK (((octet_length(email) >= 3) AND (octet_length(email) <= 254))),
    CONSTRAINT users_generation_check CHECK ((generation >= 0)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'auditor'::text, 'operator'::text, 'admin'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'suspended'::text, 'deactivated'::text])))
);
ALTER TABLE public.users ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.ws_tickets (
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    token_id text,
    token_issued_ms bigint,
    CONSTRAINT ws_tickets_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT ws_tickets_token_id_check CHECK ((octet_length(token_id) <= 255))
);
ALTER TABLE ONLY public.device_login_attempts ATTACH PARTITION public.device_login_attempts_default DEFAULT;
INSERT INTO public.api_keys (id, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at) VALUES ('00000000-0000-4000-8000-000000000091', 'backend', '\x8fa3aab2faa9b79e0a0398da5b5abd0780142442a5be80b9a64608d718cb1fcd', '{*}', '2026-01-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00', NULL);
INSERT INTO public.api_keys (id, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at) VALUES ('00000000-0000-4000-8000-000000000092', 'older', '\xeb642510a5b44b7b3f820f4dc0590b75ec7037d3d4054c550e09c3d1da6ff820', '{publish}', '2026-01-01 00:00:00+00', '2026-06-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00');
INSERT INTO public.audit_events (id, seq, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id, detail, subject, api_key_id) OVERRIDING SYSTEM VALUE VALUES ('00000000-0000-4000-8000-000000000041', 1, '2026-01-01 00:00:00+00', 'session.opened', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000011', NULL, '192.0.2.1', 'request-1', '{"method": "password"}', NULL, NULL);
INSERT INTO public.audit_events (id, seq, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id, detail, subject, api_key_id) OVERRIDING SYSTEM VALUE VALUES ('00000000-0000-4000-8000-000000000042', 2, '2026-01-02 00:00:00+00', 'session.signed_out', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', NULL, NULL, NULL, NULL, '{}', NULL, NULL);
INSERT INTO public.backup_codes (user_id, hash, created_at, used_at) VALUES (2, '\x68658feaa919e9fb3157eff39f23a8d67681c2c855f461611c17bea6bdcb4cd2', '2026-01-01 00:00:00+00', NULL);
INSERT INTO public.backup_codes (user_id, hash, created_at, used_at) VALUES (2, '\x9dc962e0e321c903e8f6459e17a3c34d7d4f6696963e0a1170d7ed35509737aa', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.bans (key, reason, created_at, expires_at) VALUES ('203.0.113.9', 'a test', '2026-01-01 00:00:00+00', '2099-01-01 00:00:00+00');
INSERT INTO public.channel_epoch (one, epoch, floor) VALUES (true, 'abcdefgh', 65536);
INSERT INTO public.channel_idempotency (channel, key, seq, expires_at) VALUES ('chat:lobby', 'once', 3, '2026-01-03 00:00:00+00');
INSERT INTO public.channel_messages (channel, seq, data, subject, connection_id, conn_info, chan_info, tags, created_at) VALUES ('chat:lobby', 2, '\x7b2274657874223a2268656c6c6f227d', '1', '00000000-0000-4000-8000-000000000081', NULL, NULL, NULL, '2026-01-02 00:00:00+00');
INSERT INTO public.channel_messages (channel, seq, data, subject, connection_id, conn_info, chan_info, tags, created_at) VALUES ('chat:lobby', 3, '\x7b2274657874223a2266726f6d2074686520736572766572227d', NULL, NULL, NULL, NULL, '{"kind":"note"}', '2026-01-02 00:00:00+00');
INSERT INTO public.channels (name, top, gone, created_at, updated_at, version, version_epoch, due_at, erased_in) VALUES ('chat:empty', 5, 5, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, NULL, '2026-01-03 00:00:00+00', NULL);
INSERT INTO public.channels (name, top, gone, created_at, updated_at, version, version_epoch, due_at, erased_in) VALUES ('chat:lobby', 3, 1, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', 4, 'v', '2026-01-03 00:00:00+00', '1009');
INSERT INTO public.database_origin (one, in_service_since, cluster, database, timeline, written_by, restored_at) VALUES (true, '2026-01-01 00:00:00+00', 1, 5, 1, '1000', NULL);
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (1, '1000', '00000000-0000-4000-8000-0000000000a1', 'user', 'corp:eve', NULL, NULL, NULL, false, NULL, 'a test', '2026-01-01 00:00:00+00', NULL);
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (4, '1003', '00000000-0000-4000-8000-0000000000a4', 'token', NULL, 'a-token', NULL, NULL, false, '2099-01-01 00:00:00+00', '', '2026-01-01 00:00:00+00', NULL);
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (5, '1004', '00000000-0000-4000-8000-0000000000a5', 'issued_before', 'corp:bob', NULL, '2026-01-01 00:00:00+00', NULL, false, '2099-01-01 00:00:00+00', '', '2026-01-01 00:00:00+00', NULL);
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (2, '1001', '00000000-0000-4000-8000-0000000000a2', 'user', 'corp:ann', NULL, NULL, NULL, false, NULL, '', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (3, '1002', '00000000-0000-4000-8000-0000000000a3', 'user', 'corp:ann', NULL, NULL, NULL, true, NULL, '', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.denials (id, txid, origin, kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at, replaced_at) OVERRIDING SYSTEM VALUE VALUES (6, '1005', '00000000-0000-4000-8000-0000000000a6', 'all_issued_before', NULL, NULL, '2026-01-01 00:00:00+00', NULL, false, '2026-02-01 00:00:00+00', '', '2026-01-01 00:00:00+00', NULL);
INSERT INTO public.device_login_attempts_default (id, at, user_id, identifier, method, outcome, device_id, session_id, address, user_agent, fingerprint, country, city, latitude, longitude, accuracy_km, network, risk_score, risk_reasons) VALUES ('00000000-0000-4000-8000-000000000071', '2026-01-01 00:00:00+00', 1, '8c8d357b5e872bbacd45197626bd5759', 'password', 'success', '00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000031', '192.0.2.1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 35, '{}');
INSERT INTO public.device_login_attempts_default (id, at, user_id, identifier, method, outcome, device_id, session_id, address, user_agent, fingerprint, country, city, latitude, longitude, accuracy_km, network, risk_score, risk_reasons) VALUES ('00000000-0000-4000-8000-000000000072', '2026-01-02 00:00:00+00', NULL, 'ad921d60486366258809553a3db49a4a', 'password', 'unknown_account', NULL, NULL, '192.0.2.2', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}');
INSERT INTO public.external_sessions (id, issuer, subject, token_id, connection_id, node, address, created_at, last_seen_at, expires_at, ended_at, revoked_at, revocation_id, revoked_all) VALUES ('00000000-0000-4000-8000-0000000000b1', 'corp', 'corp:ann', 'a-token', '00000000-0000-4000-8000-0000000000b2', '00000000-0000-4000-8000-0000000000b3', '192.0.2.1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-02 00:00:00+00', NULL, NULL, 2);
INSERT INTO public.external_sessions (id, issuer, subject, token_id, connection_id, node, address, created_at, last_seen_at, expires_at, ended_at, revoked_at, revocation_id, revoked_all) VALUES ('00000000-0000-4000-8000-0000000000b4', 'corp', 'corp:bob', NULL, '00000000-0000-4000-8000-0000000000b5', '00000000-0000-4000-8000-0000000000b3', NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', NULL, NULL, NULL, 2);
INSERT INTO public.idempotency_keys (user_id, key, request_hash, status, answer, created_at, expires_at) VALUES (4, 'created', '\x38b0580b3e2c94ef3cf5b2a3ec7cd6d3c0c8e7e1d1f1f3b3a3b4b1d7d9a6c2f1', 201, '{"password":null,"user":{"email":"audit@example.com","id":5,"role":"auditor"}}', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.idempotency_keys (user_id, key, request_hash, status, answer, created_at, expires_at) VALUES (2, 'unanswered', '\x1f0c7b3f8a6d5e4c2b1a09f8e7d6c5b4a3928170655443322110ffeeddccbbaa', NULL, NULL, '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00');
INSERT INTO public.lasting_keys (purpose, sealed, key_id, created_at) VALUES ('attempts', '\x010101010101010101010101010101010101010101010101b75111c1c557d5e41b5efe11f0eaea871a5e7d73f57b5be4f8a59cb19a955d0449ef1ea22c1ae85db7b40bf22e65a93e', 'a695c2eba46524c0', '2026-01-01 00:00:00+00');
INSERT INTO public.lasting_keys (purpose, sealed, key_id, created_at) VALUES ('decoys', '\x02020202020202020202020202020202020202020202020279d4a32a0c45826e49d1aa17b5776618c9c74023eb7e2e9800ed8810b3a0bbccfe527c58124c10343bc0763e70db315c', 'a695c2eba46524c0', '2026-01-01 00:00:00+00');
INSERT INTO public.lasting_keys (purpose, sealed, key_id, created_at) VALUES ('backup_codes', '\x030303030303030303030303030303030303030303030303267eddc2f99dd5853ba972975777f0447d90cfe47c03a53993c7d137609d6c5ab1102bbbbbe25229c06ec3599793c1bf', 'a695c2eba46524c0', '2026-01-01 00:00:00+00');
INSERT INTO public.lasting_keys (purpose, sealed, key_id, created_at) VALUES ('import', '\x040404040404040404040404040404040404040404040404e3cc36d8426796887c0b6f72884ee0c69dd852e5e39ff0a717cc33767162e3d9f798723435d51ad9b5c7738ad6fe9088', 'a695c2eba46524c0', '2026-01-01 00:00:00+00');
INSERT INTO public.passkey_credentials (id, user_id, credential_id, passkey, counter, aaguid, name, created_at, last_used_at, suspended_at, user_handle, backup_unknown) VALUES ('00000000-0000-4000-8000-000000000052', 3, '\x0304', '{"note": "no usable passkey"}', 0, NULL, 'Copied', '2026-01-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00', NULL, false);
INSERT INTO public.passkey_credentials (id, user_id, credential_id, passkey, counter, aaguid, name, created_at, last_used_at, suspended_at, user_handle, backup_unknown) VALUES ('00000000-0000-4000-8000-000000000051', 3, '\x0102', '{"note": "no usable passkey"}', 7, NULL, 'Key', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '\x01', true);
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (1, 'users_and_devices', '2026-01-01T00:00:00Z', '5191198786381189914');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (2, 'sessions_and_revocations', '2026-01-01T00:00:00Z', '16414978533406249597');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (3, 'audit_events', '2026-01-01T00:00:00Z', '10173521152184653580');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (4, 'factors_devices_attempts_bans', '2026-01-01T00:00:00Z', '17306678502935687681');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (5, 'channels_keys_denials', '2026-01-01T00:00:00Z', '8085010814981855640');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (6, 'publication_versions', '2026-01-01T00:00:00Z', '4432498470005919104');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (7, 'channels_due_and_forgotten', '2026-01-01T00:00:00Z', '9314124300187784658');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (8, 'renewed_refresh_tokens', '2026-01-01T00:00:00Z', '6025816402956151730');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (9, 'account_keys', '2026-01-01T00:00:00Z', '3083950087913432949');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (10, 'revoking_all_ends_and_retention', '2026-01-01T00:00:00Z', '5470531220729865815');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (11, 'offsets_stay_small', '2026-01-01T00:00:00Z', '4408386116374525007');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (12, 'second_factor_failures', '2026-01-01T00:00:00Z', '10678265088898995657');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (13, 'service_time', '2026-01-01T00:00:00Z', '4588024977664424450');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (14, 'replaced_blocks', '2026-01-01T00:00:00Z', '13228413495649606973');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (15, 'imported_passkeys', '2026-01-01T00:00:00Z', '2907032884809085754');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (16, 'lasting_keys', '2026-01-01T00:00:00Z', '16444611429091123260');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (17, 'restored_databases', '2026-01-01T00:00:00Z', '12624941302793902480');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (18, 'auditors_and_administration', '2026-01-01T00:00:00Z', '3052249962561169143');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (19, 'operators_inquiries', '2026-01-01T00:00:00Z', '6759537703167282270');
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at, label, trust, trusted_until, country, city) VALUES (1, '00000000-0000-4000-8000-000000000011', '0123456789abcdef0123456789abcdef', 2, 'Mozilla/5.0', '192.0.2.1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, NULL, 'new', NULL, NULL, NULL);
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at, label, trust, trusted_until, country, city) VALUES (1, '00000000-0000-4000-8000-000000000013', NULL, 2, NULL, NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00', NULL, 'new', NULL, NULL, NULL);
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at, label, trust, trusted_until, country, city) VALUES (2, '00000000-0000-4000-8000-000000000012', NULL, 2, NULL, '2001:db8::1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, 'Laptop', 'trusted', '2099-01-01 00:00:00+00', 'DE', 'Berlin');
INSERT INTO public.revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms) VALUES (4, '00000000-0000-4000-8000-0000000000b3', 'closed', 2, 0, 18);
INSERT INTO public.revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms) VALUES (4, '00000000-0000-4000-8000-0000000000b6', 'incomplete', 1, 1, 2000);
INSERT INTO public.revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms) VALUES (5, '00000000-0000-4000-8000-0000000000b3', 'closing', 0, 0, NULL);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (1, '1000', 'session', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000031', NULL, 1, NULL, 'signed_out', '', 1, 1, '2026-01-02 00:00:00+00', NULL, NULL, NULL, NULL, 0, false, false);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (2, '1001', 'all', '00000000-0000-4000-8000-000000000022', NULL, NULL, NULL, NULL, 'revoked', 'an exercise', 2, 0, '2026-01-01 00:00:00+00', NULL, NULL, NULL, NULL, 0, false, false);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (3, '1002', 'user', '00000000-0000-4000-8000-000000000023', NULL, NULL, 3, NULL, 'account_disabled', 'a test', NULL, 0, '2026-01-02 00:00:00+00', NULL, NULL, NULL, NULL, 0, false, false);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (4, '1006', 'network', '00000000-0000-4000-8000-000000000024', NULL, NULL, NULL, NULL, 'revoked', 'a wave', 4, 1, '2026-01-01 00:00:00+00', NULL, '203.0.113.0/24', NULL, NULL, 1, true, true);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (5, '1007', 'opened_since', '00000000-0000-4000-8000-000000000025', NULL, NULL, NULL, NULL, 'revoked', 'a wave', 4, 1, '2026-01-01 00:00:00+00', NULL, NULL, '2025-12-31 00:00:00+00', NULL, 0, false, true);
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at, subject, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES (6, '1008', 'users', '00000000-0000-4000-8000-000000000026', NULL, NULL, NULL, NULL, 'revoked', 'two accounts', 4, 0, '2026-01-02 00:00:00+00', NULL, NULL, NULL, 2, 0, false, true);
INSERT INTO public.second_factor_failures (user_id, source, failures, last_at, locked_until) VALUES (2, '00000000-0000-0000-0000-000000000000', 3, '2026-01-02 00:00:00+00', NULL);
INSERT INTO public.service_time (one, seen_at, outage_from, outage_until, written_by) VALUES (true, '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00', '2026-01-01 01:00:00+00', '1000');
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id, risk_score, risk_reasons, renewed_counter, revoked_all) VALUES ('00000000-0000-4000-8000-000000000033', 2, '00000000-0000-4000-8000-000000000012', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 1, '2026-01-02 00:00:00+00', 0, NULL, '2099-01-01 00:00:00+00', 0, NULL, 'passkey', '2001:db8::1', NULL, NULL, NULL, NULL, '{}', NULL, 2);
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id, risk_score, risk_reasons, renewed_counter, revoked_all) VALUES ('00000000-0000-4000-8000-000000000032', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 0, NULL, 0, NULL, '2099-01-01 00:00:00+00', 0, '2026-01-01 00:00:00+00', 'password', '192.0.2.1', NULL, NULL, NULL, 35, '{new_device}', NULL, 2);
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id, risk_score, risk_reasons, renewed_counter, revoked_all) VALUES ('00000000-0000-4000-8000-000000000031', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 3, '2026-01-02 00:00:00+00', 3, NULL, '2099-01-01 00:00:00+00', 1, NULL, 'password', '192.0.2.1', 'Mozilla/5.0', '2026-01-02 00:00:00+00', 1, NULL, '{}', 2, 2);
INSERT INTO public.statistics (step, series, at, node, label, value, minutes, highest, buckets) VALUES (60, 'sign_ins', '2026-01-02 00:01:00+00', '00000000-0000-4000-8000-0000000000b3', 'success', 3, 1, 0, NULL);
INSERT INTO public.statistics (step, series, at, node, label, value, minutes, highest, buckets) VALUES (60, 'sessions', '2026-01-02 00:01:00+00', '00000000-0000-0000-0000-000000000000', '', 2, 1, 2, NULL);
INSERT INTO public.statistics (step, series, at, node, label, value, minutes, highest, buckets) VALUES (3600, 'revocations', '2026-01-01 00:00:00+00', '00000000-0000-4000-8000-0000000000b3', 'revoked', 2, 2, 0, '{0,0,0,1,1,0,0,0,0,0,0,0,0,0,0}');
INSERT INTO public.two_factor_challenges (id, kind, user_id, presession_id, session_id, generation, revoked_all, state, attempts, created_at, expires_at) VALUES ('00000000-0000-4000-8000-000000000061', 'sign_in', 2, '00000000-0000-4000-8000-000000000062', NULL, 0, NULL, '{}', 1, '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.user_two_factor (user_id, secret, key_id, last_step, created_at, confirmed_at, last_used_at) VALUES (2, '\x0707070707070707070707070707070707070707070707079ae4b41eeac9f65d45d51caedb0d6098c72678de49c6edaab500e27da04fb51216435d9b', '98dd1f5ecc30a573', 58000000, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO public.user_two_factor (user_id, secret, key_id, last_step, created_at, confirmed_at, last_used_at) VALUES (3, '\x00', 'unknown', 0, '2026-01-01 00:00:00+00', NULL, NULL);
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle, account_key) VALUES (4, 'Jürgen@example.com', 'Jürgen', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'admin', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00', '07ffe52d-132e-a8f6-1ba6-db94ebf1e9e5', NULL);
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle, account_key) VALUES (1, 'Ada@Example.com', 'Ada', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'user', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00', '9972ccf5-2f44-b215-d98d-797c4e0625f9', 'ada@example.com');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle, account_key) VALUES (2, 'grace@example.com', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'operator', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00', '8baa202e-3726-78b5-9539-04367d481798', 'grace@example.com');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle, account_key) VALUES (3, 'tim@example.com', 'Tim', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'user', 'suspended', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00', '69a4624e-6845-2374-8443-00afa686c665', 'tim@example.com');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle, account_key) VALUES (5, 'audit@example.com', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'auditor', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00', 'd5a3a4ea-7e5a-4a3d-9c84-0a0d6a4f3b05', 'audit@example.com');
INSERT INTO public.ws_tickets (hash, session_id, scopes, expires_at, token_id, token_issued_ms) VALUES ('\xcc17bef09b291e933a8adef2fa0ec6485b25e733203df9522ae654729f000d3a', '00000000-0000-4000-8000-000000000032', '{chat}', '2026-01-02 00:00:00+00', NULL, NULL);
SELECT pg_catalog.setval('public.audit_events_seq_seq', 2, true);
SELECT pg_catalog.setval('public.denials_id_seq', 6, true);
SELECT pg_catalog.setval('public.revocations_id_seq', 6, true);
SELECT pg_catalog.setval('public.users_id_seq', 5, true);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_seq_key UNIQUE (seq);
ALTER TABLE ONLY public.backup_codes
    ADD CONSTRAINT backup_codes_pkey PRIMARY KEY (user_id, hash);
ALTER TABLE ONLY public.bans
    ADD CONSTRAINT bans_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.channel_epoch
    ADD CONSTRAINT channel_epoch_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.channel_idempotency
    ADD CONSTRAINT channel_idempotency_pkey PRIMARY KEY (channel, key);
ALTER TABLE ONLY public.channel_messages
    ADD CONSTRAINT channel_messages_pkey PRIMARY KEY (channel, seq);
ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.database_origin
    ADD CONSTRAINT database_origin_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.denials
    ADD CONSTRAINT denials_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.device_login_attempts
    ADD CONSTRAINT device_login_attempts_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.device_login_attempts_default
    ADD CONSTRAINT device_login_attempts_default_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.external_sessions
    ADD CONSTRAINT external_sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);
ALTER TABLE ONLY public.lasting_keys
    ADD CONSTRAINT lasting_keys_pkey PRIMARY KEY (purpose);
ALTER TABLE ONLY public.passkey_credentials
    ADD CONSTRAINT passkey_credentials_credential_id_key UNIQUE (credential_id);
ALTER TABLE ONLY public.passkey_credentials
    ADD CONSTRAINT passkey_credentials_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.registered_devices
    ADD CONSTRAINT registered_devices_pkey PRIMARY KEY (user_id, id);
ALTER TABLE ONLY public.revocation_nodes
    ADD CONSTRAINT revocation_nodes_pkey PRIMARY KEY (revocation_id, node);
ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.second_factor_failures
    ADD CONSTRAINT second_factor_failures_pkey PRIMARY KEY (user_id, source);
ALTER TABLE ONLY public.service_time
    ADD CONSTRAINT service_time_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.statistics
    ADD CONSTRAINT statistics_pkey PRIMARY KEY (step, series, at, node, label);
ALTER TABLE ONLY public.two_factor_challenges
    ADD CONSTRAINT two_factor_challenges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.user_two_factor
    ADD CONSTRAINT user_two_factor_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ws_tickets
    ADD CONSTRAINT ws_tickets_pkey PRIMARY KEY (hash);
CREATE INDEX api_keys_by_start ON public.api_keys USING btree (created_at DESC, id);
CREATE UNIQUE INDEX api_keys_name ON public.api_keys USING btree (lower(name)) WHERE (revoked_at IS NULL);
CREATE INDEX audit_events_at ON public.audit_events USING btree (at);
CREATE INDEX audit_events_user ON public.audit_events USING btree (user_id, seq) WHERE (user_id IS NOT NULL);
CREATE INDEX bans_by_start ON public.bans USING btree (created_at DESC, key);
CREATE INDEX bans_expires_at ON public.bans USING btree (expires_at);
CREATE INDEX channel_idempotency_expires_at ON public.channel_idempotency USING btree (expires_at);
CREATE INDEX channels_due_at ON public.channels USING btree (due_at);
CREATE INDEX denials_expires_at ON public.denials USING btree (expires_at);
CREATE INDEX denials_of_all ON public.denials USING btree (id) WHERE (kind = 'all_issued_before'::text);
CREATE INDEX denials_replaced_at ON public.denials USING btree (replaced_at) WHERE (replaced_at IS NOT NULL);
CREATE INDEX denials_token ON public.denials USING btree (token_id, id) WHERE (token_id IS NOT NULL);
CREATE INDEX denials_txid ON public.denials USING btree (txid, id);
CREATE INDEX denials_user ON public.denials USING btree (subject, id) WHERE (subject IS NOT NULL);
CREATE INDEX device_login_attempts_address ON ONLY public.device_login_attempts USING btree (address, at DESC);
CREATE INDEX device_login_attempts_country ON ONLY public.device_login_attempts USING btree (country, at DESC, id) WHERE (country IS NOT NULL);
CREATE INDEX device_login_attempts_default_address_at_idx ON public.device_login_attempts_default USING btree (address, at DESC);
CREATE INDEX device_login_attempts_default_country_at_id_idx ON public.device_login_attempts_default USING btree (country, at DESC, id) WHERE (country IS NOT NULL);
CREATE INDEX device_login_attempts_outcome ON ONLY public.device_login_attempts USING btree (outcome, at DESC, id);
CREATE INDEX device_login_attempts_default_outcome_at_id_idx ON public.device_login_attempts_default USING btree (outcome, at DESC, id);
CREATE INDEX device_login_attempts_user ON ONLY public.device_login_attempts USING btree (user_id, at DESC) WHERE (user_id IS NOT NULL);
CREATE INDEX device_login_attempts_default_user_id_at_idx ON public.device_login_attempts_default USING btree (user_id, at DESC) WHERE (user_id IS NOT NULL);
CREATE INDEX external_sessions_by_address ON public.external_sessions USING btree (address, created_at DESC, id) WHERE (address IS NOT NULL);
CREATE INDEX external_sessions_by_revocation ON public.external_sessions USING btree (revocation_id) WHERE (revocation_id IS NOT NULL);
CREATE INDEX external_sessions_by_start ON public.external_sessions USING btree (created_at DESC, id);
CREATE INDEX external_sessions_ended ON public.external_sessions USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX external_sessions_last_seen ON public.external_sessions USING btree (last_seen_at) WHERE (ended_at IS NULL);
CREATE INDEX external_sessions_live ON public.external_sessions USING btree (subject) WHERE ((ended_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX external_sessions_not_ended ON public.external_sessions USING btree (revoked_all) WHERE ((ended_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX external_sessions_of_subject ON public.external_sessions USING btree (subject, created_at DESC, id);
CREATE INDEX idempotency_keys_expires_at ON public.idempotency_keys USING btree (expires_at);
CREATE INDEX passkey_credentials_user ON public.passkey_credentials USING btree (user_id, created_at);
CREATE INDEX registered_devices_id ON public.registered_devices USING btree (id);
CREATE INDEX registered_devices_last_seen ON public.registered_devices USING btree (last_seen_at);
CREATE INDEX registered_devices_of_user ON public.registered_devices USING btree (user_id, last_seen_at);
CREATE INDEX revocations_all ON public.revocations USING btree (id) WHERE (scope = 'all'::text);
CREATE INDEX revocations_by_actor ON public.revocations USING btree (actor_id, created_at DESC, id DESC) WHERE (actor_id IS NOT NULL);
CREATE INDEX revocations_by_cause ON public.revocations USING btree (cause, created_at DESC, id DESC);
CREATE INDEX revocations_by_user ON public.revocations USING btree (user_id, created_at DESC, id DESC) WHERE (user_id IS NOT NULL);
CREATE INDEX revocations_created_at ON public.revocations USING btree (created_at);
CREATE INDEX revocations_role_changed ON public.revocations USING btree (user_id, id) WHERE (cause = 'role_changed'::text);
CREATE INDEX revocations_txid ON public.revocations USING btree (txid, id);
CREATE INDEX second_factor_failures_last_at ON public.second_factor_failures USING btree (last_at);
CREATE INDEX sessions_by_address ON public.sessions USING btree (address, created_at DESC, id) WHERE (address IS NOT NULL);
CREATE INDEX sessions_by_device ON public.sessions USING btree (device_id);
CREATE INDEX sessions_by_revocation ON public.sessions USING btree (revocation_id) WHERE (revocation_id IS NOT NULL);
CREATE INDEX sessions_by_start ON public.sessions USING btree (created_at DESC, id);
CREATE INDEX sessions_ended ON public.sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE INDEX sessions_live_by_end ON public.sessions USING btree (expires_at) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_live_by_last_seen ON public.sessions USING btree (last_seen_at) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_live_by_user ON public.sessions USING btree (user_id, created_at) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_not_ended ON public.sessions USING btree (revoked_all) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_of_user_by_start ON public.sessions USING btree (user_id, created_at DESC, id);
CREATE INDEX sessions_revoked_of_user ON public.sessions USING btree (user_id, revocation_id) WHERE (revocation_id IS NOT NULL);
CREATE INDEX statistics_at ON public.statistics USING btree (step, at);
CREATE INDEX two_factor_challenges_expires_at ON public.two_factor_challenges USING btree (expires_at);
CREATE INDEX two_factor_challenges_user ON public.two_factor_challenges USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX user_two_factor_key_id ON public.user_two_factor USING btree (key_id);
CREATE UNIQUE INDEX users_account_key ON public.users USING btree (account_key);
CREATE INDEX users_active_admins ON public.users USING btree (id) WHERE ((role = 'admin'::text) AND (status = 'active'::text));
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));
CREATE INDEX users_list_by_email ON public.users USING btree (role, status, COALESCE(account_key, lower(email)), id);
CREATE INDEX users_list_by_id ON public.users USING btree (role, status, id);
CREATE INDEX users_list_by_name ON public.users USING btree (role, status, lower(COALESCE(display_name, ''::text)) COLLATE "C", id);
CREATE UNIQUE INDEX users_webauthn_user_handle ON public.users USING btree (webauthn_user_handle);
CREATE INDEX users_without_account_key ON public.users USING btree (id) WHERE (account_key IS NULL);
CREATE INDEX ws_tickets_expires_at ON public.ws_tickets USING btree (expires_at);
CREATE INDEX ws_tickets_session ON public.ws_tickets USING btree (session_id);
ALTER INDEX public.device_login_attempts_address ATTACH PARTITION public.device_login_attempts_default_address_at_idx;
ALTER INDEX public.device_login_attempts_country ATTACH PARTITION public.device_login_attempts_default_country_at_id_idx;
ALTER INDEX public.device_login_attempts_outcome ATTACH PARTITION public.device_login_attempts_default_outcome_at_id_idx;
ALTER INDEX public.device_login_attempts_pkey ATTACH PARTITION public.device_login_attempts_default_pkey;
ALTER INDEX public.device_login_attempts_user ATTACH PARTITION public.device_login_attempts_default_user_id_at_idx;
CREATE TRIGGER denials_replaced BEFORE INSERT ON public.denials FOR EACH ROW WHEN ((new.kind = 'user'::text)) EXECUTE FUNCTION public.note_replaced_blocks();
CREATE TRIGGER users_account_key BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.account_key_by_default();
ALTER TABLE ONLY public.backup_codes
    ADD CONSTRAINT backup_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.channel_idempotency
    ADD CONSTRAINT channel_idempotency_channel_fkey FOREIGN KEY (channel) REFERENCES public.channels(name) ON DELETE CASCADE;
ALTER TABLE ONLY public.channel_messages
    ADD CONSTRAINT channel_messages_channel_fkey FOREIGN KEY (channel) REFERENCES public.channels(name) ON DELETE CASCADE;
ALTER TABLE ONLY public.external_sessions
    ADD CONSTRAINT external_sessions_revocation_id_fkey FOREIGN KEY (revocation_id) REFERENCES public.revocations(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.passkey_credentials
    ADD CONSTRAINT passkey_credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.registered_devices
    ADD CONSTRAINT registered_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.revocation_nodes
    ADD CONSTRAINT revocation_nodes_revocation_id_fkey FOREIGN KEY (revocation_id) REFERENCES public.revocations(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.second_factor_failures
    ADD CONSTRAINT second_factor_failures_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_revocation_id_fkey FOREIGN KEY (revocation_id) REFERENCES public.revocations(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_device_id_fkey FOREIGN KEY (user_id, device_id) REFERENCES public.registered_devices(user_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.two_factor_challenges
    ADD CONSTRAINT two_factor_challenges_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.two_factor_challenges
    ADD CONSTRAINT two_factor_challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.user_two_factor
    ADD CONSTRAINT user_two_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ws_tickets
    ADD CONSTRAINT ws_tickets_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;
