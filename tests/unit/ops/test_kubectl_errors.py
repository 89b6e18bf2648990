"""Messages as kubectl 1.37 printed them on a Kubernetes 1.37 cluster."""

from __future__ import annotations

import pytest
from recorded_kubectl import MakeAccess
from test_manifest import WEB

from labkit.cluster.access import Access
from labkit.errors import LabError
from labkit.ops import kubectl_errors, manifest

PREFIX = (
    'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: '
)

KUBECTL = """
case "$*" in
"api-resources --no-headers") cat <<END
deployments                         deploy       apps/v1                           true         Deployment
events                              ev           v1                                true         Event
events                              ev           events.k8s.io/v1                  true         Event
ingressroutes                                    traefik.io/v1alpha1               true         IngressRoute
END
;;
"explain deployment.spec.template.spec.containers")
  printf '  %s\\t<string>\\n' args image imagePullPolicy ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def access(make_access: MakeAccess) -> Access:
    return make_access(KUBECTL)


def explain(access: Access, message: str, text: str = WEB) -> LabError:
    return kubectl_errors.explain(access, message, manifest.read(text))


def no_match(kind: str, version: str) -> str:
    return (
        f'error: resource mapping not found for name: "web" namespace: "" from "STDIN": no matches for kind "{kind}" '
        f'in version "{version}"\nensure CRDs are installed first\n'
    )


def test_a_misspelt_kind_gets_the_right_one(access: Access) -> None:
    error = explain(access, no_match("Deploymnt", "apps/v1"), WEB.replace("Deployment", "Deploymnt"))
    assert error.what == "The cluster has no kind Deploymnt in apps/v1."
    assert error.why == "line 2: kind: Deploymnt"
    assert error.next == "Did you mean Deployment (apps/v1)?"


def test_a_kind_of_another_version_gets_the_right_version(access: Access) -> None:
    text = WEB.replace("apps/v1", "extensions/v1beta1")
    error = explain(access, no_match("Deployment", "extensions/v1beta1"), text)
    assert error.why == "line 1: apiVersion: extensions/v1beta1"
    assert error.next == "Write: apiVersion: apps/v1"


def test_a_kind_in_two_groups_is_offered_in_the_first(access: Access) -> None:
    assert explain(access, no_match("Event", "x/v1"), WEB.replace("Deployment", "Event")).next == "Write: apiVersion: v1"


def test_a_kind_like_no_other(access: Access) -> None:
    assert "api-resources" in explain(access, no_match("Zebra", "zoo/v1")).next


def test_an_unknown_field_gets_its_line_and_the_right_name(access: Access) -> None:
    message = PREFIX + 'strict decoding error: unknown field "spec.template.spec.containers[0].imagee"'
    error = explain(access, message, WEB.replace("image:", "imagee:"))
    assert error.what == "Deployment has no field spec.template.spec.containers[0].imagee."
    assert error.why == "line 11: imagee: web:1"
    assert error.next == 'Did you mean image? lab.kubectl("explain deployment.spec.template.spec.containers")'


def test_several_unknown_fields_of_an_object_that_exists(access: Access) -> None:
    message = (
        'The request is invalid: patch: Invalid value: "map[metadata:map[annotations:map[]]]": strict decoding error: '
        'unknown field "spec.replicaz", unknown field "spec.template.spec.containers[0].imagee"'
    )
    error = explain(access, message, WEB.replace("image:", "imagee:").replace("replicas:", "replicaz:"))
    assert error.what == "Deployment has no field spec.replicaz and no field spec.template.spec.containers[0].imagee."
    assert error.why == "line 6: replicaz: 2\nline 11: imagee: web:1"


def test_an_unknown_field_of_an_object_in_a_list(access: Access) -> None:
    message = (
        'error: error validating "STDIN": error validating data: ValidationError(Deployment.spec): unknown field "replicaz" in '
        "io.k8s.api.apps.v1.DeploymentSpec; if you choose to ignore these errors, turn validation off with --validate=false"
    )
    assert explain(access, message, "apiVersion: v1\nkind: List\nitems: []").what == "Deployment has no field spec.replicaz."


@pytest.mark.parametrize(
    ("told", "what", "line"),
    [
        (
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            "Deployment: spec.replicas must be a whole number, but it is text.",
            "line 6: replicas: 2",
        ),
        (
            "cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string",
            "Deployment: spec.template.spec.containers.image must be text, but it is a number.",
            "line 11: image: web:1",
        ),
        (
            "cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
            "Deployment: spec.template.spec.containers must be a list, but it is a mapping.",
            "line 9: containers:",
        ),
        (
            "cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type map[string]string",
            "Deployment: metadata.labels must be a mapping, but it is true or false.",
            "line 3: metadata:",
        ),
    ],
)
def test_a_wrong_type_is_told_in_yaml_words(access: Access, told: str, what: str, line: str) -> None:
    error = explain(access, PREFIX + "json: " + told)
    assert (error.what, error.why) == (what, line)


def test_one_invalid_field(access: Access) -> None:
    error = explain(
        access, 'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    assert error.what == 'Deployment "web" is not valid.'
    assert error.why == "spec.replicas: Invalid value: -1: must be greater than or equal to 0\n  (line 6: replicas: 2)"


def test_several_invalid_fields(access: Access) -> None:
    message = (
        'The Deployment "web" is invalid: \n* spec.selector: Required value\n'
        '* spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`\n'
    )
    assert explain(access, message).why.splitlines()[::2] == [
        "spec.selector: Required value",
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]


def test_what_cannot_be_changed_is_to_be_made_anew(access: Access) -> None:
    message = 'The Deployment "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable'
    error = explain(access, message)
    assert error.what == 'Deployment "web" would change what cannot be changed.'
    assert 'lab.delete("deployment/web")' in error.next


def test_a_namespace_that_is_not_there(access: Access) -> None:
    error = explain(access, 'Error from server (NotFound): error when creating "STDIN": namespaces "shop" not found')
    assert error.what == 'There is no namespace "shop".'
    assert error.next == 'lab.kubectl("create namespace shop")'


@pytest.mark.parametrize(
    "message",
    [
        "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?",
        'error: error validating "STDIN": error validating data: failed to download openapi: Get "https://127.0.0.1:6/x": '
        "dial tcp 127.0.0.1:6: connect: connection refused; if you choose to ignore these errors, turn validation off",
        "Unable to connect to the server: net/http: TLS handshake timeout",
    ],
)
def test_a_cluster_that_does_not_answer(access: Access, message: str) -> None:
    error = explain(access, message)
    assert error.what == "The cluster 'test' does not answer."
    assert "labkit start" in error.next


def test_anything_else_is_passed_on_without_kubectls_preface(access: Access) -> None:
    error = explain(
        access, 'Error from server (Forbidden): error when creating "STDIN": deployments.apps "web" is forbidden: quota'
    )
    assert error.why == 'deployments.apps "web" is forbidden: quota'
