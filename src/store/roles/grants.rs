//! Gives the role of a server its rights, and takes away what it must not have. Called by `migrate`, under its lock, as the owner.
//!
//! The rights follow from the list in `rights`, and are given anew after each migration. So no default rights are needed, which
//! would also apply to the partitions of the audit log.

use tokio_postgres::Client;

use super::{
    rights::{FUNCTIONS, PARTITIONS, TABLES},
    standing::{self, RoleStanding},
};
use crate::error::StoreError;

/// The roles other than the owner that insert audit events: they are roles of servers.
pub(crate) async fn known_roles(client: &Client) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT pg_get_userbyid(a.grantee)::text FROM pg_class c, aclexplode(c.relacl) a
               WHERE c.oid = to_regclass('audit_events') AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)";
    client.query(sql, &[]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Creates a role that may sign in, unless it exists.
pub(crate) async fn create_role(client: &Client, role: &str) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
    if !client.query_one(sql, &[&role]).await?.try_get::<_, bool>(0)? {
        client.batch_execute(&format!("CREATE ROLE {} LOGIN", quoted(role))).await?;
    }
    Ok(())
}

/// Takes the right to call the functions of the owner from all roles. A restore without rights has given it to them.
pub(crate) async fn close_functions(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT p.oid::regprocedure::text FROM unnest($1::text[]) f JOIN pg_proc p ON p.oid = to_regprocedure(f)
               WHERE p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)";
    for row in client.query(sql, &[&FUNCTIONS]).await? {
        let function: String = row.try_get(0)?;
        client.batch_execute(&format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")).await?;
    }
    Ok(())
}

/// Gives the role its rights if they are not complete, or too many. Returns whether they have changed, and what the role may do
/// now.
pub(crate) async fn give(client: &mut Client, role: &str) -> Result<(bool, RoleStanding), StoreError> {
    let standing = standing::of(client, role).await?;
    if standing.excess.is_empty() && standing.missing.is_empty() && !lacks_reading(client, role).await? {
        return Ok((false, standing));
    }
    let statements = statements(client, role).await?;
    let transaction = client.transaction().await?;
    transaction.batch_execute(&statements).await?;
    transaction.commit().await?;
    Ok((true, standing::of(client, role).await?))
}

/// Partitions that statements do not name, and sequences. The role reads them in a backup.
const READABLE: &str = "
    SELECT i.inhrelid::regclass::text AS name, 'TABLE' AS kind FROM unnest($1::text[]) t
        JOIN pg_inherits i ON i.inhparent = to_regclass(t) JOIN pg_class c ON c.oid = i.inhrelid
        WHERE c.relname <> ALL ($2::text[])
    UNION ALL
    SELECT d.objid::regclass::text, 'SEQUENCE' FROM unnest($1::text[]) t
        JOIN pg_depend d ON d.refobjid = to_regclass(t) AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'";

fn named() -> (Vec<&'static str>, Vec<&'static str>) {
    (TABLES.iter().map(|(name, _)| *name).collect(), PARTITIONS.iter().map(|(name, _)| *name).collect())
}

/// Whether the role cannot read all partitions and sequences, or not use the schema.
async fn lacks_reading(client: &Client, role: &str) -> Result<bool, StoreError> {
    let (tables, partitions) = named();
    let sql = format!(
        "SELECT EXISTS (SELECT FROM ({READABLE}) r WHERE CASE r.kind
                WHEN 'TABLE' THEN NOT has_table_privilege($3::name, r.name, 'SELECT')
                ELSE NOT has_sequence_privilege($3::name, r.name, 'SELECT') END)
             OR NOT has_schema_privilege($3::name, current_schema(), 'USAGE')"
    );
    Ok(client.query_one(&sql, &[&tables, &partitions, &role]).await?.try_get(0)?)
}

async fn statements(client: &Client, role: &str) -> Result<String, StoreError> {
    let (tables, partitions) = named();
    let role = quoted(role);
    let sql = "SELECT quote_ident(current_schema()), EXISTS (
                   SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
                   WHERE n.nspname = current_schema() AND a.grantee = 0 AND a.privilege_type = 'CREATE')";
    let row = client.query_one(sql, &[]).await?;
    let schema: String = row.try_get(0)?;
    let mut sql =
        format!("REVOKE CREATE ON SCHEMA {schema} FROM {role}; GRANT USAGE ON SCHEMA {schema} TO {role};");
    if row.try_get(1)? {
        sql += &format!("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;");
    }
    for (name, rights) in TABLES.iter().chain(PARTITIONS) {
        let privileges = rights.privileges();
        sql +=
            &format!("REVOKE ALL ON TABLE {name} FROM {role}; GRANT {privileges} ON TABLE {name} TO {role};");
    }
    for row in client.query(READABLE, &[&tables, &partitions]).await? {
        let (name, kind): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        sql += &format!("REVOKE ALL ON {kind} {name} FROM {role}; GRANT SELECT ON {kind} {name} TO {role};");
    }
    for function in FUNCTIONS {
        sql += &format!("GRANT EXECUTE ON FUNCTION {function} TO {role};");
    }
    Ok(sql)
}

/// The name as an identifier of SQL.
fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_an_identifier() {
        assert_eq!(quoted("portcullis_server"), "\"portcullis_server\"");
        assert_eq!(quoted("a\"; DROP TABLE users; --"), "\"a\"\"; DROP TABLE users; --\"");
    }
}
