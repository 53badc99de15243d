"""The faults with which `faults.py` tries the suite can all be put in."""

import faults
from faults import FAULTS


def test_every_fault_has_its_place():
    assert faults.misplaced() == []
    assert len(FAULTS) >= 40
    assert len({fault.line for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.fault.split() != fault.line.split()
        for name in fault.tests.split():
            assert (faults.ROOT / f"tests/test_{name}.py").exists(), name


def test_a_fault_is_put_in_and_taken_out(tmp_path):
    fault = FAULTS[0]
    path, text = tmp_path / fault.file, (faults.ROOT / fault.file).read_text()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    take_out = faults.put_in(tmp_path, fault)
    assert path.read_text() == text.replace(fault.line, fault.fault)
    take_out()
    assert path.read_text() == text


def test_list(capsys):
    assert faults.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FAULTS)
