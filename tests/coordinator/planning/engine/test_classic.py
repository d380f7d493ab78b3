"""Classic instances, the command line and the shop file."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.modules.planning.cli import app
from coordinator.modules.planning.engine.classic import check_classic, parse_fjsp, parse_jsp, solve_makespan
from coordinator.modules.planning.engine.shopfile import parse_shop
from coordinator.modules.planning.engine.validate import PlanningInputError

SHARED = (
    Path(os.environ.get("USINAGE_SHARED") or Path(__file__).resolve().parents[5] / "shared")
    / "data/scheduling"
)
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="shared/data/scheduling is not there")

SHOP = {
    "now_min": 480,
    "horizon_min": 10080,
    "machines": [{"id": "T1", "openings": [[480, 720], [780, 1020]]}],
    "operators": [{"id": "Alice", "openings": [[480, 720], [780, 1020]], "skills": {"tournage": None}}],
    "tasks": [
        {
            "id": "a",
            "order": "C1",
            "sequence": 10,
            "quantity": 2,
            "due_min": 1020,
            "skills": ["tournage"],
            "choices": [{"machine": "T1", "setup_min": 30, "run_min": 240}],
        },
    ],
}


@needs_data
@pytest.mark.parametrize(("name", "optimum"), [("ft06", 55), ("la01", 666)])
def test_known_job_shop_optima(name: str, optimum: int) -> None:
    instance = parse_jsp((SHARED / "jsp" / name).read_text())
    result = solve_makespan(instance, seconds=20)
    assert (result.status, result.makespan, result.bound) == ("optimal", optimum, optimum)
    assert check_classic(instance, result) == []


@needs_data
def test_known_flexible_job_shop_optimum() -> None:
    instance = parse_fjsp((SHARED / "fjsp" / "mk01.txt").read_text())
    result = solve_makespan(instance, seconds=30)
    assert result.makespan == 40
    assert check_classic(instance, result) == []


def test_machines_counted_from_one_are_understood() -> None:
    zero, one = parse_fjsp("1 2\n2 2 0 3 1 4 1 0 2\n"), parse_fjsp("1 2\n2 2 1 3 2 4 1 1 2\n")
    assert zero == one


def test_checker_of_classic_results_catches_an_overlap() -> None:
    instance = parse_jsp("2 1\n0 3\n0 4\n")
    result = solve_makespan(instance, seconds=5)
    assert check_classic(instance, result) == []
    assert check_classic(instance, replace(result, start=[[0], [0]])) != []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file_unreadable"),
        ("2 2\n0 1 1 1\n", "file_truncated"),
        ("1 1\n0\n", "file_unreadable"),
        ("1 1\n5 3\n", "machine_unknown"),
        ("1 1\n0 -3\n", "duration_negative"),
        ("0 4\n", "quantity_not_positive"),
        ("1 1\nabc 3\n", "file_unreadable"),
    ],
)
def test_bad_classic_files_are_refused(text: str, code: str) -> None:
    with pytest.raises(PlanningInputError) as caught:
        parse_jsp(text)
    assert caught.value.issues[0].code == code


@needs_data
def test_command_line_answers_the_documented_json() -> None:
    file = SHARED / "jsp" / "ft06"
    result = CliRunner().invoke(app, ["solve", str(file), "--format", "jsp", "--seconds", "10", "--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (answer["status"], answer["makespan"], answer["bound"]) == ("optimal", 55, 55)
    assert [len(job) for job in answer["start"]] == [6] * 6


def test_command_line_plans_a_shop_file(tmp_path: Path) -> None:
    file = tmp_path / "atelier.json"
    file.write_text(json.dumps(SHOP))
    result = CliRunner().invoke(app, ["solve", str(file), "--seconds", "0.3", "--json"])
    answer = json.loads(result.stdout)
    assert (answer["start"], answer["makespan"], answer["status"]) == ([[480]], 810, "feasible")
    assert answer["makespan"] >= answer["bound"]


def test_command_line_refuses_bad_input_in_french(tmp_path: Path) -> None:
    file = tmp_path / "atelier.json"
    broken = json.loads(json.dumps(SHOP))
    broken["tasks"][0]["choices"][0]["machine"] = "X9"
    file.write_text(json.dumps(broken))
    result = CliRunner().invoke(app, ["solve", str(file), "--json"])
    assert result.exit_code == 2
    assert "machine X9 inconnue" in result.output


@pytest.mark.parametrize(
    "text", ["{", '{"machines": []}', '{"machines": [], "tasks": [{"id": 1, "order": "C"}], "now_min": "x"}']
)
def test_unreadable_shop_files_are_refused(text: str) -> None:
    with pytest.raises(PlanningInputError):
        parse_shop(text)
