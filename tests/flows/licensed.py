"""An organisation with a licence, which those that only use it find."""

from __future__ import annotations

from tests.service import Service


def licensed(service: Service, owner: str, tier: str = "professional") -> str:
    """The id of an active licence that an organisation of `owner` was given."""
    body = {"name": "Lakeside School", "owner_id": owner}
    founded = service.post("/api/enterprise/organisations", body, user="usr_boss", role="admin", key="org")
    assert founded.status_code == 201, founded.text
    given = {"org_id": founded.json()["org_id"], "tier": tier, "billing": {"kind": "none"}}
    issued = service.post("/api/enterprise/licenses/create", given, user="usr_boss", role="admin", key="lic")
    assert issued.status_code == 201, issued.text
    licence_id: str = issued.json()["licence_id"]
    path = f"/api/enterprise/licenses/{licence_id}/activate"
    assert service.post(path, {}, user=owner, role="enterprise", key="act").status_code == 200
    return licence_id
