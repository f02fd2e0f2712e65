-- The commands. Statements that stand together go in one round trip and are one transaction; each sees what was
-- committed before it began, so that what follows a lock counts rightly.

-- name: register_user
SELECT FROM traditional.tenants WHERE id = %(tenant_id)s FOR NO KEY UPDATE;
WITH made AS (
    INSERT INTO traditional.users
        (id, tenant_id, email, first_name, last_name, timezone, language, status, created_at, updated_at, version)
    SELECT %(id)s, t.id, %(email)s, %(first_name)s, %(last_name)s, 'UTC', 'en', 'pending', now(), now(), 1
    FROM traditional.tenants t
    WHERE t.id = %(tenant_id)s
        AND (SELECT count(*) FROM traditional.users u WHERE u.tenant_id = t.id) < t.max_users
    RETURNING id, version
), roled AS (
    INSERT INTO traditional.user_roles (user_id, role) SELECT id, 'user' FROM made
)
SELECT version FROM made

-- name: changed_user
SELECT status, version, first_name, last_name, avatar, timezone, language
FROM traditional.users WHERE id = %(user_id)s AND tenant_id = %(tenant_id)s FOR NO KEY UPDATE

-- name: update_user
UPDATE traditional.users SET {changes}, updated_at = now(), version = version + 1
WHERE id = %(user_id)s RETURNING version

-- name: create_workspace
SELECT FROM traditional.tenants WHERE id = %(tenant_id)s FOR NO KEY UPDATE;
WITH made AS (
    INSERT INTO traditional.workspaces
        (id, tenant_id, owner_id, name, description, status, is_public, settings, created_at, updated_at, version)
    SELECT %(id)s, t.id, u.id, %(name)s, %(description)s, 'active', %(is_public)s, %(settings)s, now(), now(), 1
    FROM traditional.tenants t JOIN traditional.users u ON u.tenant_id = t.id AND u.status = 'active'
    WHERE t.id = %(tenant_id)s AND u.id = %(owner_id)s
        AND (
            SELECT count(*) FROM traditional.workspaces w WHERE w.tenant_id = t.id AND w.status = 'active'
        ) < t.max_workspaces
    RETURNING id, owner_id, version
), joined AS (
    INSERT INTO traditional.memberships (workspace_id, user_id, role, joined_at, updated_at)
    SELECT id, owner_id, 'owner', now(), now() FROM made
)
SELECT version FROM made

-- name: why_not_made
SELECT t.max_users, t.max_workspaces, u.status
FROM traditional.tenants t LEFT JOIN traditional.users u ON u.id = %(owner_id)s::uuid AND u.tenant_id = t.id
WHERE t.id = %(tenant_id)s

-- name: standing
SELECT
    (SELECT m.role FROM traditional.memberships m WHERE m.workspace_id = w.id AND m.user_id = %(actor_id)s),
    (SELECT u.status FROM traditional.users u WHERE u.id = %(user_id)s AND u.tenant_id = w.tenant_id)
FROM traditional.workspaces w
WHERE w.id = %(workspace_id)s AND w.tenant_id = %(tenant_id)s AND w.status = 'active'
FOR NO KEY UPDATE

-- name: add_member
WITH joined AS (
    INSERT INTO traditional.memberships (workspace_id, user_id, role, joined_at, updated_at)
    VALUES (%(workspace_id)s, %(user_id)s, %(role)s, now(), now())
)
UPDATE traditional.workspaces SET version = version + 1, updated_at = now()
WHERE id = %(workspace_id)s RETURNING version
