//! The rights of a database role: whether it can change the audit log, and which rights of a server it lacks.
//!
//! Asked once at the start of a server or a tool, and by `migrate`. Only the catalogue is read, so the answer needs no rights.

use tokio_postgres::Client;

use super::rights::{FUNCTIONS, PARTITIONS, Rights, TABLES};
use crate::{connection::require_own_sessions, error::StoreError, pool::Store};

/// The most reasons and the most missing rights that are listed.
const LISTED: i64 = 4;

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleStanding {
    /// The name of the role.
    pub role: String,
    /// Why the role can change the audit log, as ends of a sentence about it. Empty for the role of a server, as it should be.
    pub excess: Vec<String>,
    /// Rights that a server needs and the role lacks. Empty if the database has no tables yet.
    pub missing: Vec<String>,
}

/// The owner of the tables, seen from the role that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOwner {
    /// The name of the owner.
    pub owner: String,
    /// The name of the role that asks.
    pub role: String,
    /// Whether this role has the rights of the owner.
    pub is_held: bool,
}

impl Store {
    /// What the role of this store may do. This is the first question of a server and of tools, so it is asked only after the
    /// check that the connections have sessions of their own.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; `Internal` if the connections have no sessions of their own.
    pub async fn role_standing(&self) -> Result<RoleStanding, StoreError> {
        let connector = self.connector().clone();
        self.spawn(async move { require_own_sessions(&connector).await }).await?;
        self.run_quick(|client| {
            Box::pin(async move {
                let role: String = client.query_one("SELECT current_user::text", &[]).await?.try_get(0)?;
                of(client, &role).await
            })
        })
        .await
    }

    /// The owner of the tables. `None` if there are no tables.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn table_owner(&self) -> Result<Option<TableOwner>, StoreError> {
        self.run_quick(|client| {
            Box::pin(async move {
                let sql = "SELECT pg_get_userbyid(c.relowner)::text, current_user::text, pg_has_role(c.relowner, 'USAGE')
                           FROM pg_class c WHERE c.oid = to_regclass('audit_events')";
                let row = client.query_opt(sql, &[]).await?;
                let read = |row: tokio_postgres::Row| {
                    Ok(TableOwner { owner: row.try_get(0)?, role: row.try_get(1)?, is_held: row.try_get(2)? })
                };
                row.map(read).transpose()
            })
        })
        .await
    }

    /// Whether the database server has a role of this name.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn has_role(&self, name: String) -> Result<bool, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
                Ok(client.query_one(sql, &[&name]).await?.try_get(0)?)
            })
        })
        .await
    }
}

pub(super) async fn of(client: &Client, role: &str) -> Result<RoleStanding, StoreError> {
    let (names, rights): (Vec<_>, Vec<_>) =
        TABLES.iter().chain(PARTITIONS).map(|(name, rights)| (*name, rights.privileges())).unzip();
    let guarded: Vec<_> =
        TABLES.iter().filter(|(_, rights)| *rights != Rights::Change).map(|(name, _)| *name).collect();
    let mut missing = texts(client, MISSING, role, &names, &rights).await?;
    missing.extend(texts(client, MISSING_FUNCTIONS, role, FUNCTIONS, &[]).await?);
    let excess = texts(client, EXCESS, role, &guarded, &names).await?;
    Ok(RoleStanding { role: role.to_owned(), excess, missing })
}

/// The first column of this query. Its parameters are the role, two lists and the most rows.
async fn texts(
    client: &Client,
    sql: &str,
    role: &str,
    first: &[&str],
    second: &[&str],
) -> Result<Vec<String>, StoreError> {
    let rows = client.query(sql, &[&role, &first, &second, &LISTED]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Why the role $1 can change the guarded tables $2, or can change what the functions with the owner's rights do. A role has
/// the rights of every role that it is a member of, because it can take each of them on (`SET ROLE`). $3 are all tables.
///
/// A trigger runs with the rights of the role that changes a row. In a function, this may be the owner. So the role must not
/// make triggers on any table. A role that may create functions in a schema could hide the functions of PostgreSQL.
const EXCESS: &str = "
    WITH reached AS (
        SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolname = $1::name AS itself
        FROM pg_roles r WHERE pg_has_role($1::name, r.oid, 'MEMBER')
    ), every_table AS (
        SELECT c.oid, c.relname, c.relowner, c.relnamespace, c.relname = ANY ($2::text[]) AS guarded
        FROM unnest($3::text[]) t(name) JOIN pg_class c ON c.oid = to_regclass(t.name)
        UNION ALL
        SELECT c.oid, c.relname, c.relowner, c.relnamespace, true
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('audit_log')
    ), reasons AS (
        SELECT 1 AS rank, 'it is a superuser' AS reason FROM reached WHERE itself AND rolsuper
        UNION ALL
        SELECT 2, 'it is a member of the superuser ' || quote_ident(rolname) FROM reached WHERE NOT itself AND rolsuper
        UNION ALL
        SELECT 3, CASE WHEN itself THEN 'it may create roles, and so give itself rights'
                       ELSE 'it is a member of ' || quote_ident(rolname) || ', which may create roles' END
        FROM reached WHERE rolcreaterole
        UNION ALL
        SELECT 4, CASE WHEN r.itself THEN 'it owns the table ' ELSE 'it is a member of ' || quote_ident(r.rolname) || ', the owner of the table ' END
                  || (array_agg(t.relname::text ORDER BY t.guarded DESC, t.relname))[1]
        FROM every_table t JOIN reached r ON r.oid = t.relowner GROUP BY r.itself, r.rolname
        UNION ALL
        SELECT 5, 'it may change rows of the table ' || t.relname FROM every_table t
        WHERE t.guarded AND EXISTS (SELECT FROM reached r
            WHERE has_table_privilege(r.oid, t.oid, 'UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(r.oid, t.oid, 'UPDATE'))
        UNION ALL
        SELECT 6, 'it may make triggers on the table ' || t.relname FROM every_table t
        WHERE EXISTS (SELECT FROM reached r WHERE has_table_privilege(r.oid, t.oid, 'TRIGGER'))
        UNION ALL
        SELECT 7, 'it may create objects in the schema ' || quote_ident(n.nspname) FROM pg_namespace n
        WHERE n.oid IN (SELECT relnamespace FROM every_table UNION SELECT current_schema()::regnamespace::oid)
          AND EXISTS (SELECT FROM reached r WHERE r.oid = n.nspowner OR has_schema_privilege(r.oid, n.oid, 'CREATE'))
        UNION ALL
        SELECT 8, 'it has the rights of the owner of the database ' || quote_ident(d.datname) FROM pg_database d
        WHERE d.datname = current_database() AND EXISTS (SELECT FROM reached r WHERE r.oid = d.datdba)
        UNION ALL
        SELECT 9, 'it is a member of ' || rolname FROM reached
        WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program')
    )
    SELECT reason FROM reasons WHERE NOT EXISTS (SELECT FROM reasons WHERE rank = 1) OR rank = 1
    ORDER BY rank, reason LIMIT $4";

/// The rights $3 on the tables $2 that the role $1 lacks.
const MISSING: &str = "
    SELECT p.privilege || ' on ' || t.name
    FROM unnest($2::text[], $3::text[]) t(name, privileges),
         LATERAL regexp_split_to_table(t.privileges, ', ') p(privilege)
    WHERE to_regclass(t.name) IS NOT NULL AND NOT has_table_privilege($1::name, to_regclass(t.name), p.privilege)
    ORDER BY t.name LIMIT $4";

/// The functions $2 that the role $1 may not call. $3 is empty.
const MISSING_FUNCTIONS: &str = "
    SELECT 'EXECUTE on ' || f FROM unnest($2::text[] || $3::text[]) f
    WHERE to_regprocedure(f) IS NOT NULL AND NOT has_function_privilege($1::name, to_regprocedure(f), 'EXECUTE')
    ORDER BY f LIMIT $4";
