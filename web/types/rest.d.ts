// Types of requests and answers, taken from the description of the interface. `api.d.ts` is generated; do not edit it.
import type { components, paths } from "./api";

/** A schema of the interface, by its name: `Schema<"Session">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths of the interface that have this method. */
export type PathWith<M extends Method> = {
    [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never;

type ContentOf<Answer> = Answer extends { content: { "application/json": infer Body } } ? Body : undefined;

/** The body of a successful answer. */
export type Result<P extends keyof paths, M extends Method> =
    Operation<P, M> extends { responses: infer Answers }
        ? ContentOf<Answers[Extract<keyof Answers, 200 | 201 | 202>]> extends infer Found
            ? [Found] extends [never]
                ? undefined
                : Found
            : never
        : never;

type BodyOf<P extends keyof paths, M extends Method> =
    Operation<P, M> extends { requestBody?: { content: { "application/json": infer Body } } } ? Body : undefined;

type ParametersOf<P extends keyof paths, M extends Method, Place extends "path" | "query"> =
    Operation<P, M> extends { parameters: infer All }
        ? Place extends keyof All
            ? Exclude<All[Place], undefined>
            : Record<string, never>
        : Record<string, never>;

/** Options that every request has. */
export interface CommonOptions {
    /** Ends the request early. */
    signal?: AbortSignal;
    /** Milliseconds after which the request is given up. */
    timeout?: number;
    /** Sends an `Idempotency-Key`, so that the request may be repeated without being carried out twice. */
    idempotent?: boolean;
    /** Whether a missing step-up opens the dialog of `onStepUp` (yes, unless `false`). */
    stepUp?: boolean;
    /** Whether an expired access token is renewed (yes, unless `false`). */
    renew?: boolean;
}

/** Options of a request to this path. */
export interface Options<P extends keyof paths, M extends Method> extends CommonOptions {
    path?: ParametersOf<P, M, "path">;
    query?: ParametersOf<P, M, "query">;
    body?: BodyOf<P, M>;
}

/** A request by method, with the types of the interface. */
export type Call<M extends Method> = <P extends PathWith<M>>(
    path: P,
    options?: Options<P, M>,
) => Promise<Result<P, M>>;

/** The client that `createRest` makes. */
export interface Rest {
    get: Call<"get">;
    post: Call<"post">;
    put: Call<"put">;
    patch: Call<"patch">;
    delete: Call<"delete">;
    /** A request without types. The answer is the parsed body, or `undefined` without one. */
    request(method: string, url: string, options?: CommonOptions & { body?: unknown; query?: object }): Promise<any>;
    /** Renews the access token, unless another tab has just done so. `false` if there is no session. */
    renew(): Promise<boolean>;
    /** Renews the access token in any case, and returns the new one. For sockets that ask for a token. */
    freshToken(): Promise<string>;
    /** The hook that opens the dialog of a step-up. It resolves to whether the step-up was made. */
    onStepUp(hook: (problem: import("../lib/errors.js").Problem) => Promise<boolean>): void;
    /** The hook for the end of the session. */
    onSignedOut(hook: (problem: import("../lib/errors.js").Problem) => void): void;
    /** Forgets the CSRF token: after a sign-in or a sign-out the old one is bound to the old session. */
    forgetCsrf(): void;
    /** Tells the other tabs. */
    tell(news: News["kind"]): void;
    /** Hears of other tabs. Returns what ends the subscription. */
    listen(listener: (news: News) => void): () => void;
}

/** What tabs tell each other. */
export interface News {
    kind: "renewed" | "signed-in" | "signed-out";
}
