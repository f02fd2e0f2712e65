"""Making rows anew: rebuilds, the way back, and what is wrong with the rows there are."""

from __future__ import annotations

from flask import Response, request

from web.admin.rebuild_schemas import RebuildBody, RepairBody
from web.context import actor, container
from web.operator import forms
from web.operator.blueprint import blueprint
from web.operator.shown import shown

#: How many aggregates are verified when somebody asks for it here.
SAMPLE = 200


@blueprint.route("/projections/<name>/rebuild", methods=["POST"])
def start_rebuild(name: str) -> Response:
    """Begin to rebuild a projection"""
    how = request.form.get("how", "cut_over")
    body = forms.loaded(RebuildBody, compare=how != "cut_over", cut_over=how != "compare_only")
    container().rebuilder.start(name, by=actor().id, **body)
    return forms.done(f"The rebuild of {name} begins. It goes on to be read meanwhile.")


@blueprint.route("/projections/<name>/cancel", methods=["POST"])
def cancel_rebuild(name: str) -> Response:
    """Call the running rebuild off"""
    container().rebuilder.cancel(name)
    return forms.done(f"The rebuild of {name} is called off. The live rows have stayed as they were.")


@blueprint.route("/projections/<name>/way-back", methods=["POST"])
def roll_back_rebuild(name: str) -> Response:
    """Put the rows from before the last rebuild back"""
    container().rebuilder.way_back(name, by=actor().id)
    return forms.done(f"The former rows of {name} are the live ones again, and catch up. The same way leads back.")


@blueprint.route("/projections/<name>/comparison")
def compare_rebuild(name: str) -> Response:
    """Show how the live rows differ from those before the last rebuild"""
    return shown("comparison.html", name=name, comparison=container().rebuilder.compare(name))


@blueprint.route("/projections/<name>/verify", methods=["POST"])
def verify_projection(name: str) -> Response:
    """Fold a sample of aggregates again and compare"""
    (found,) = container().verifier.sample(SAMPLE, [name])
    which = f"{found['aggregates']:,} aggregates with {found['rows']:,} rows"
    if not found["drifted"]:
        return forms.done(f"{name}: {which} were folded again, and all are what their events say.")
    differ = f"{name}: of {which} {found['drifted']:,} differ from their events"
    if not found["examples"]:
        return forms.refused(f"{differ}. Verifying all of them shows which.")
    first = found["examples"][0]
    key = ", ".join(f"{column} {value}" for column, value in first["key"].items())
    return forms.refused(f"{differ}, such as a {first['kind']} row of {first['table']}: {key}")


@blueprint.route("/projections/<name>/repair", methods=["POST"])
def repair_aggregate(name: str) -> Response:
    """Fold the events of one aggregate again, and put its rows right"""
    ids = {field: request.form.get(field, "").strip() for field in ("tenant_id", "aggregate_id")}
    body = forms.loaded(RepairBody, **ids)
    found = container().repair.repair(name, **body)
    return forms.done(f"{name}: of {found['rows']:,} rows {found['repaired']:,} had to be put right.")
