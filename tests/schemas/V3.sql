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
SET default_tablespace = '';
SET default_table_access_method = heap;
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
    CONSTRAINT audit_events_detail_check CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT audit_events_event_check CHECK ((event <> ''::text)),
    CONSTRAINT audit_events_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text, 'denied'::text])))
);
ALTER TABLE public.audit_events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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
    CONSTRAINT registered_devices_fingerprint_check CHECK ((char_length(fingerprint) = 32)),
    CONSTRAINT registered_devices_fingerprint_version_check CHECK ((fingerprint_version > 0)),
    CONSTRAINT registered_devices_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
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
    CONSTRAINT revocations_cause_check CHECK ((cause = ANY (ARRAY['revoked'::text, 'signed_out'::text, 'password_changed'::text, 'account_disabled'::text, 'refresh_reused'::text, 'device_removed'::text, 'role_changed'::text, 'session_expired'::text, 'session_limit'::text]))),
    CONSTRAINT revocations_check CHECK (((scope = 'session'::text) = (session_id IS NOT NULL))),
    CONSTRAINT revocations_check1 CHECK (((scope = 'device'::text) = (device_id IS NOT NULL))),
    CONSTRAINT revocations_check2 CHECK (((scope <> 'user'::text) OR (user_id IS NOT NULL))),
    CONSTRAINT revocations_reason_check CHECK ((octet_length(reason) <= 1000)),
    CONSTRAINT revocations_scope_check CHECK ((scope = ANY (ARRAY['session'::text, 'device'::text, 'user'::text, 'all'::text]))),
    CONSTRAINT revocations_sessions_check CHECK ((sessions >= 0))
);
ALTER TABLE public.revocations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.revocations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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
    CONSTRAINT sessions_check CHECK ((expires_at > created_at)),
    CONSTRAINT sessions_check1 CHECK (((revocation_id IS NULL) OR (revoked_at IS NOT NULL))),
    CONSTRAINT sessions_method_check CHECK ((method = ANY (ARRAY['password'::text, 'second_factor'::text, 'passkey'::text]))),
    CONSTRAINT sessions_privilege_epoch_check CHECK ((privilege_epoch >= 0)),
    CONSTRAINT sessions_refresh_counter_check CHECK ((refresh_counter >= 0)),
    CONSTRAINT sessions_used_counter_check CHECK ((used_counter >= 0)),
    CONSTRAINT sessions_user_agent_check CHECK ((octet_length(user_agent) <= 1024))
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
    CONSTRAINT users_display_name_check CHECK (((char_length(display_name) >= 1) AND (char_length(display_name) <= 100))),
    CONSTRAINT users_email_check CHECK (((octet_length(email) >= 3) AND (octet_length(email) <= 254))),
    CONSTRAINT users_generation_check CHECK ((generation >= 0)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'operator'::text, 'admin'::text]))),
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
    CONSTRAINT ws_tickets_hash_check CHECK ((octet_length(hash) = 32))
);
INSERT INTO public.audit_events (id, seq, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id, detail) OVERRIDING SYSTEM VALUE VALUES ('00000000-0000-4000-8000-000000000041', 1, '2026-01-01 00:00:00+00', 'session.opened', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000011', NULL, '192.0.2.1', 'request-1', '{"method": "password"}');
INSERT INTO public.audit_events (id, seq, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id, detail) OVERRIDING SYSTEM VALUE VALUES ('00000000-0000-4000-8000-000000000042', 2, '2026-01-02 00:00:00+00', 'session.signed_out', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', NULL, NULL, NULL, NULL, '{}');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (1, 'users_and_devices', '2026-01-01T00:00:00Z', '5191198786381189914');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (2, 'sessions_and_revocations', '2026-01-01T00:00:00Z', '16414978533406249597');
INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES (3, 'audit_events', '2026-01-01T00:00:00Z', '10173521152184653580');
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at) VALUES (1, '00000000-0000-4000-8000-000000000011', '0123456789abcdef0123456789abcdef', 2, 'Mozilla/5.0', '192.0.2.1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL);
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at) VALUES (2, '00000000-0000-4000-8000-000000000012', NULL, 2, NULL, '2001:db8::1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL);
INSERT INTO public.registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at) VALUES (1, '00000000-0000-4000-8000-000000000013', NULL, 2, NULL, NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00');
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at) OVERRIDING SYSTEM VALUE VALUES (1, '1000', 'session', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000031', NULL, 1, NULL, 'signed_out', '', 1, 1, '2026-01-02 00:00:00+00');
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at) OVERRIDING SYSTEM VALUE VALUES (2, '1001', 'all', '00000000-0000-4000-8000-000000000022', NULL, NULL, NULL, NULL, 'revoked', 'an exercise', 2, 0, '2026-01-01 00:00:00+00');
INSERT INTO public.revocations (id, txid, scope, origin, session_id, device_id, user_id, except_session_id, cause, reason, actor_id, sessions, created_at) OVERRIDING SYSTEM VALUE VALUES (3, '1002', 'user', '00000000-0000-4000-8000-000000000023', NULL, NULL, 3, NULL, 'account_disabled', 'a test', NULL, 0, '2026-01-02 00:00:00+00');
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id) VALUES ('00000000-0000-4000-8000-000000000031', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 3, '2026-01-02 00:00:00+00', 3, NULL, '2099-01-01 00:00:00+00', 1, NULL, 'password', '192.0.2.1', 'Mozilla/5.0', '2026-01-02 00:00:00+00', 1);
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id) VALUES ('00000000-0000-4000-8000-000000000032', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 0, NULL, 0, NULL, '2099-01-01 00:00:00+00', 0, '2026-01-01 00:00:00+00', 'password', '192.0.2.1', NULL, NULL, NULL);
INSERT INTO public.sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, retried_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id) VALUES ('00000000-0000-4000-8000-000000000033', 2, '00000000-0000-4000-8000-000000000012', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 1, '2026-01-02 00:00:00+00', 0, NULL, '2099-01-01 00:00:00+00', 0, NULL, 'passkey', '2001:db8::1', NULL, NULL, NULL);
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at) VALUES (1, 'Ada@Example.com', 'Ada', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'user', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at) VALUES (2, 'grace@example.com', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'operator', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at) VALUES (3, 'tim@example.com', 'Tim', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'user', 'suspended', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00');
INSERT INTO public.users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at) VALUES (4, 'Jürgen@example.com', 'Jürgen', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZHVtcA$qUY18+IucCQLIj6lb/2U3CgnFdKJNWr1MCZcju3BEbQ', 'admin', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00');
INSERT INTO public.ws_tickets (hash, session_id, scopes, expires_at) VALUES ('\xcc17bef09b291e933a8adef2fa0ec6485b25e733203df9522ae654729f000d3a', '00000000-0000-4000-8000-000000000032', '{chat}', '2026-01-02 00:00:00+00');
SELECT pg_catalog.setval('public.audit_events_seq_seq', 2, true);
SELECT pg_catalog.setval('public.revocations_id_seq', 3, true);
SELECT pg_catalog.setval('public.users_id_seq', 4, true);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_seq_key UNIQUE (seq);
ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.registered_devices
    ADD CONSTRAINT registered_devices_pkey PRIMARY KEY (user_id, id);
ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ws_tickets
    ADD CONSTRAINT ws_tickets_pkey PRIMARY KEY (hash);
CREATE INDEX audit_events_at ON public.audit_events USING btree (at);
CREATE INDEX audit_events_user ON public.audit_events USING btree (user_id, seq) WHERE (user_id IS NOT NULL);
CREATE INDEX registered_devices_id ON public.registered_devices USING btree (id);
CREATE INDEX revocations_all ON public.revocations USING btree (id) WHERE (scope = 'all'::text);
CREATE INDEX revocations_txid ON public.revocations USING btree (txid);
CREATE INDEX sessions_by_device ON public.sessions USING btree (device_id);
CREATE INDEX sessions_by_revocation ON public.sessions USING btree (revocation_id) WHERE (revocation_id IS NOT NULL);
CREATE INDEX sessions_by_start ON public.sessions USING btree (created_at DESC, id);
CREATE INDEX sessions_live_by_end ON public.sessions USING btree (expires_at) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_live_by_last_seen ON public.sessions USING btree (last_seen_at) WHERE (revoked_at IS NULL);
CREATE INDEX sessions_live_by_user ON public.sessions USING btree (user_id, created_at) WHERE (revoked_at IS NULL);
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));
CREATE INDEX ws_tickets_expires_at ON public.ws_tickets USING btree (expires_at);
CREATE INDEX ws_tickets_session ON public.ws_tickets USING btree (session_id);
ALTER TABLE ONLY public.registered_devices
    ADD CONSTRAINT registered_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_revocation_id_fkey FOREIGN KEY (revocation_id) REFERENCES public.revocations(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_device_id_fkey FOREIGN KEY (user_id, device_id) REFERENCES public.registered_devices(user_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ws_tickets
    ADD CONSTRAINT ws_tickets_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;
