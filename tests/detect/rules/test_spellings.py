"""People write one key down in many ways: each way is found, whatever the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from pushwarden.detect import Scanner
from pushwarden.detect.sample import service_example
from tests.detect.shipping import plain_scanner

SERVICES: Final = [rule for rule in plain_scanner().rules if rule.service is not None][::8]
KEYS: Final = [
    (rule.id.removesuffix("-key").replace("-", "_"), service_example(rule).secret or "") for rule in SERVICES
]
LEAST: Final = 0.95
"""Share of the services that a spelling must find: some keys are too short to tell from words."""


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


SPELLINGS: Final[dict[str, Callable[[str, str], str]]] = {
    "shell": lambda n, v: f'export {n.upper()}_TOKEN="{v}"',
    "environment file": lambda n, v: f"{n.upper()}_API_KEY={v}",
    "Makefile": lambda n, v: f'{n.upper()}_TOKEN ::= "{v}"',
    "Dockerfile": lambda n, v: f"ENV {n.upper()}_API_KEY {v}",
    "PowerShell": lambda n, v: f'$env:{n.upper()}_TOKEN = "{v}"',
    "flag": lambda n, v: f"{n} deploy --token {v}",
    "header": lambda n, v: f"curl https://api.{n}.com/v1/things -H 'X-Api-Key: {v}'",
    "query": lambda n, v: f"https://api.{n}.com/v1/things?api_key={v}&limit=10",
    "YAML": lambda n, v: f"{n}:\n  token: {v}\n",
    "JSON": lambda n, v: f'{{\n  "{n}ApiKey": "{v}"\n}}',
    "JSON in a string": lambda n, v: f'{{"config.ini": "{n.upper()}_TOKEN={v}\\nBACKUP=true"}}',
    "list of names and values": lambda n, v: f"- name: {n.upper()}_API_KEY\n  value: {v}\n",
    "XML": lambda n, v: f"<{n}ApiKey>{v}</{n}ApiKey>",
    "XML over lines": lambda n, v: f"<{n}Token>\n    {v}\n</{n}Token>",
    "XML setting": lambda n, v: f'<add key="{_camel(n)}ApiKey" value="{v}" />',
    "XML property": lambda n, v: f"<property><name>fs.{n}.secret.key</name><value>{v}</value></property>",
    "property list": lambda n, v: f"<key>{_camel(n)}ApiKey</key>\n<string>{v}</string>",
    "Android resource": lambda n, v: f'<string name="{n}_api_key">{v}</string>',
    "Terraform variable": lambda n, v: f'variable "{n}_api_key" {{\n  default = "{v}"\n}}',
    "Python": lambda n, v: f'client = {_camel(n)}(api_key="{v}")',
    "Go": lambda n, v: f'var {n}Token string = "{v}"',
    "Go, short": lambda n, v: f"{n}Key := `{v}`",
    "Swift": lambda n, v: f'let {n}Key: String = "{v}"',
    "Rust": lambda n, v: f'const {n.upper()}_KEY: &str = "{v}";',
    "Java": lambda n, v: f'private static final String {n.upper()}_API_KEY = "{v}";',
    "Java property": lambda n, v: f'System.setProperty("{n.upper()}_TOKEN", "{v}")',
    "PHP": lambda n, v: f"define('{n.upper()}_SECRET', '{v}');",
    "PHP array": lambda n, v: f"'{n}_token' => '{v}',",
    "PHP appended": lambda n, v: f'${n}Token .= "{v}"',
    "Ruby": lambda n, v: f'{_camel(n)}.api_key = "{v}"',
    "prose": lambda n, v: f"The {_camel(n)} API key is {v}.",
    "JavaScript": lambda n, v: f"{n}: {{ apiKey: '{v}' }}",
    "JavaScript, or else": lambda n, v: f"const key = process.env.{n.upper()}_API_KEY || '{v}';",
    "JavaScript, if null": lambda n, v: f'const key = env.{n.upper()}_TOKEN ?? "{v}"',
    "TypeScript, optional": lambda n, v: f'{n}ApiKey?: string = "{v}";',
    "Visual Basic": lambda n, v: f'Const {_camel(n)}ApiKey As String = "{v}"',
    "Perl": lambda n, v: f'$ENV{{{n.upper()}_TOKEN}} = "{v}";',
    "C": lambda n, v: f'static const char {n}_api_key[] = "{v}";',
    "Objective-C": lambda n, v: f'#define k{_camel(n)}ApiKey @"{v}"',
    "Swift header": lambda n, v: f'request.setValue("{v}", forHTTPHeaderField: "X-{_camel(n)}-Api-Key")',
    "YAML block": lambda n, v: f"{n}_api_key: |-\n  {v}\n",
    "Markdown table": lambda n, v: f"| `{n.upper()}_API_KEY` | `{v}` |\n",
    "HTML table": lambda n, v: f"<td>{n} API key</td><td>{v}</td>\n",
    "list in prose": lambda n, v: f"- {_camel(n)} API key - {v}\n",
    "rows": lambda n, v: f"{n}_api_key,{v}\n",
    "PowerShell item": lambda n, v: f'Set-Item -Path Env:{n.upper()}_API_KEY -Value "{v}"',
    "GitHub's command line": lambda n, v: f'gh secret set {n.upper()}_API_KEY --body "{v}"',
    "Azure's command line": lambda n, v: f"az keyvault secret set --vault-name shop --name {n}-api-key --value {v}",
    "user secrets of .NET": lambda n, v: f'dotnet user-secrets set "{_camel(n)}:ApiKey" "{v}"',
}

STRANGERS: Final = [
    ("brightmill", "dd2e09f95d204834b1caa100db2ccecee70569ff"),
    ("tallowworks", "0443feb9226f91444be1336d4b23cf4e"),
    ("hashicorpse", "4118913efaf80b8f28cb54057df6059f4118913efaf80b8f28cb54057df605ab"),
    ("quillstack", "zX3T9bv0E4feeM9nGolvlBWbQ7rKd2Ls"),
    ("penstemon", "mnktZlGOyJJ4mtZYpKfc8Rw2"),
    ("larkspurio", "AlqDORQRKq5X8m9pTGDvIk3dfIdYO2irLna7LFjc"),
    ("mossgate", "3b2xg1mhcmjxxaq6ru8zm5pjcz1h0pj3"),
    ("oxbowlabs", "PFB38BC0CLFNYCJP6NSWNH44JJIKJH55"),
]
"""Services that nobody knows, with keys of no shape."""
MOST: Final = 7


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_of_nearly_every_service_is_found_in_each_spelling(shipped: Scanner, spelling: str) -> None:
    missed = [
        name
        for name, key in KEYS
        if not shipped.scan(SPELLINGS[spelling](name, key).encode(), path="example.txt").matches
    ]

    assert len(missed) <= (1 - LEAST) * len(KEYS), missed


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_of_an_unknown_service_is_found_in_each_spelling(shipped: Scanner, spelling: str) -> None:
    found = [
        name
        for name, key in STRANGERS
        if shipped.scan(SPELLINGS[spelling](name, key).encode(), path="example.txt").matches
    ]

    assert len(found) >= MOST, found
