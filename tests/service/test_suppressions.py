"""What stands in a repository cannot switch the service off."""

from __future__ import annotations

from tests.conftest import made_up
from tests.service.conftest import Repo


def test_comments_and_files_that_accept_findings_do_not_silence_the_service(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    secret = made_up("accepted", 40)
    alice.commit(
        {
            "key.txt": f"aws_secret_access_key = {secret}  # pushwarden:allow gitleaks:allow\n",
            ".pushwarden.toml": '[[suppress]]\npaths = ["**"]\nreason = "all of it"\n',
        },
        "Add",
    )
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert "key.txt" in {finding["path"] for finding in event["findings"]}
    assert repo.responded("lock") == ["done"]
