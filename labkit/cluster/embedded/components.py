"""The processes of the embedded cluster: command line, what must be ready before each starts, and when it is ready itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.cluster.embedded import layout, readiness
from labkit.cluster.embedded.layout import CONF, LOGS, PKI, ROOT, SOCK

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Component:
    """A process that the supervisor keeps running.

    after: names of components that must be ready before it starts. needs: what else must be true by then. ready: true once the
    component serves. files: descriptors that it inherits.
    """

    name: str
    command: tuple[str, ...]
    ready: readiness.Probe
    after: tuple[str, ...] = ()
    needs: readiness.Probe = readiness.nothing
    files: tuple[int, ...] = ()

    @property
    def log(self) -> Path:
        """Its log file, as seen in the namespace."""
        return LOGS / f"{self.name}.log"


NAMES = (
    "relay",
    "shim",
    "cri",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
)


def components(programs: Mapping[str, str], listeners: Mapping[str, int], mapped_uids: int) -> list[Component]:
    """All components. programs: absolute path by name. listeners: descriptors of host listeners by target address."""
    return [
        _relay(programs, listeners),
        _etcd(programs),
        _apiserver(programs, single_uid=mapped_uids == 1),
        _shim(programs),
        _cri(),
        _controller_manager(programs),
        _scheduler(programs),
        _kubelet(programs),
        _proxy(programs),
        _coredns(programs),
    ]


def admin_client() -> readiness.ApiClient:
    """A client of the API server with the administrator's certificate."""
    return readiness.ApiClient(layout.NODE_IP, layout.API_PORT, PKI / "ca.crt", PKI / "admin.crt", PKI / "admin.key")


def kubeconfigs() -> dict[str, str]:
    """The kubeconfig file's name of each component that has one, and the certificate it uses."""
    names = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "coredns")
    return {f"{name}.kubeconfig": name for name in names}


def runtime_config(programs: Mapping[str, str], mapped_uids: int, stubs: str, catalogue: str) -> str:
    """The CRI runtime's configuration file."""
    config = {
        "socket": str(SOCK / "cri.sock"),
        "shim_socket": str(SOCK / "shim.sock"),
        "state": str(ROOT / "cri"),
        "catalogue": catalogue,
        "programs": dict(programs),
        "pod_cidr": layout.POD_CIDR,
        "mapped_uids": mapped_uids,
        "bwrap": programs["bwrap"],
        "stubs": stubs,
    }
    return json.dumps(config, indent=2)


def _flags(program: str, **flags: object) -> tuple[str, ...]:
    return (program, *(f"--{name.replace('_', '-')}={value}" for name, value in flags.items()))


def _relay(programs: Mapping[str, str], listeners: Mapping[str, int]) -> Component:
    control = SOCK / "relay.sock"
    forwards = [f"-forward={descriptor}={target}" for target, descriptor in listeners.items()]
    command = (
        programs["relay"],
        "-node-ip",
        layout.NODE_IP,
        "-service-cidr",
        layout.SERVICE_CIDR,
        "-control",
        str(control),
        *forwards,
    )
    return Component("relay", command, readiness.unix_socket(control), files=tuple(listeners.values()))


def _etcd(programs: Mapping[str, str]) -> Component:
    url, peer, metrics = (f"{scheme}://{_LOOPBACK}:{port}" for scheme, port in (("https", 2379), ("http", 2380), ("http", 2381)))
    command = _flags(
        programs["etcd"],
        name="lab",
        data_dir=ROOT / "etcd",
        listen_client_urls=url,
        advertise_client_urls=url,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"lab={peer}",
        listen_metrics_urls=metrics,
        cert_file=PKI / "etcd.crt",
        key_file=PKI / "etcd.key",
        client_cert_auth="true",
        trusted_ca_file=PKI / "etcd-ca.crt",
        heartbeat_interval=10,  # ms; the only member elects itself the sooner
        election_timeout=100,
        snapshot_count=10000,
        auto_compaction_retention="10m",
        log_level="warn",
    )
    return Component("etcd", command, readiness.http_get(2381, "/readyz"), after=("relay",))


def _apiserver(programs: Mapping[str, str], *, single_uid: bool) -> Component:
    command = _flags(
        programs["kube-apiserver"],
        etcd_servers=f"https://{_LOOPBACK}:2379",
        etcd_cafile=PKI / "etcd-ca.crt",
        etcd_certfile=PKI / "apiserver-etcd-client.crt",
        etcd_keyfile=PKI / "apiserver-etcd-client.key",
        bind_address=layout.NODE_IP,
        advertise_address=layout.NODE_IP,
        secure_port=layout.API_PORT,
        service_cluster_ip_range=layout.SERVICE_CIDR,
        tls_cert_file=PKI / "apiserver.crt",
        tls_private_key_file=PKI / "apiserver.key",
        client_ca_file=PKI / "ca.crt",
        kubelet_certificate_authority=PKI / "ca.crt",
        kubelet_client_certificate=PKI / "apiserver-kubelet-client.crt",
        kubelet_client_key=PKI / "apiserver-kubelet-client.key",
        kubelet_preferred_address_types="InternalIP",
        proxy_client_cert_file=PKI / "front-proxy-client.crt",
        proxy_client_key_file=PKI / "front-proxy-client.key",
        requestheader_client_ca_file=PKI / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        requestheader_group_headers="X-Remote-Group",
        requestheader_username_headers="X-Remote-User",
        service_account_issuer="https://kubernetes.default.svc.cluster.local",
        service_account_key_file=PKI / "service-accounts.pub",
        service_account_signing_key_file=PKI / "service-accounts.key",
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        allow_privileged="true",
        enable_aggregator_routing="true",
        profiling="false",
    )
    if single_uid:
        command += (f"--admission-control-config-file={CONF / 'admission.yaml'}",)
    return Component("kube-apiserver", command, admin_client().ready, after=("relay",))


def _controller_manager(programs: Mapping[str, str]) -> Component:
    kubeconfig = CONF / "kube-controller-manager.kubeconfig"
    command = _flags(
        programs["kube-controller-manager"],
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        bind_address=_LOOPBACK,
        tls_cert_file=PKI / "kube-controller-manager-server.crt",
        tls_private_key_file=PKI / "kube-controller-manager-server.key",
        client_ca_file=PKI / "ca.crt",
        root_ca_file=PKI / "ca.crt",
        service_account_private_key_file=PKI / "service-accounts.key",
        cluster_signing_cert_file=PKI / "ca.crt",
        cluster_signing_key_file=PKI / "ca.key",
        use_service_account_credentials="true",
        controllers="*,-node-ipam-controller",
        allocate_node_cidrs="false",
        leader_elect="false",
        kube_api_qps=200,
        kube_api_burst=400,
        horizontal_pod_autoscaler_sync_period="5s",
        profiling="false",
    )
    return Component(
        "kube-controller-manager",
        command,
        readiness.https_get(10257, "/healthz", PKI / "ca.crt"),
        after=("kube-apiserver",),
    )


def _scheduler(programs: Mapping[str, str]) -> Component:
    kubeconfig = CONF / "kube-scheduler.kubeconfig"
    command = _flags(
        programs["kube-scheduler"],
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        bind_address=_LOOPBACK,
        tls_cert_file=PKI / "kube-scheduler-server.crt",
        tls_private_key_file=PKI / "kube-scheduler-server.key",
        client_ca_file=PKI / "ca.crt",
        leader_elect="false",
        kube_api_qps=200,
        kube_api_burst=400,
        profiling="false",
    )
    return Component("kube-scheduler", command, readiness.https_get(10259, "/healthz", PKI / "ca.crt"), after=("kube-apiserver",))


def _shim(programs: Mapping[str, str]) -> Component:
    socket = SOCK / "shim.sock"
    command = (programs["shim"], "-socket", str(socket))
    return Component("shim", command, readiness.unix_socket(socket), after=("relay",))


def _cri() -> Component:
    command = (sys.executable, "-m", "labkit.cluster.embedded.cri", str(CONF / "cri.json"))
    return Component("cri", command, readiness.unix_socket(SOCK / "cri.sock"), after=("shim",))


def _kubelet(programs: Mapping[str, str]) -> Component:
    """As soon as the API server serves: a node's rights are in its authorizer, not in the roles that it is ready only with."""
    command = _flags(
        programs["kubelet"],
        config=CONF / "kubelet.yaml",
        kubeconfig=CONF / "kubelet.kubeconfig",
        root_dir=ROOT / "kubelet",
        cert_dir=PKI,
        hostname_override=layout.NODE_NAME,
        node_ip=layout.NODE_IP,
    )
    healthy, client = readiness.http_get(10248, "/healthz"), admin_client()

    def registered() -> bool:
        return healthy() and client.get(f"/api/v1/nodes/{layout.NODE_NAME}") is not None

    return Component("kubelet", command, registered, after=("cri",), needs=client.serves)


def _proxy(programs: Mapping[str, str]) -> Component:
    """After the kubelet: it looks its node up and, when there is none yet, looks again only much later."""
    command = _flags(programs["kube-proxy"], config=CONF / "kube-proxy.yaml")
    return Component("kube-proxy", command, readiness.http_get(10256, "/livez"), after=("kube-apiserver", "kubelet"))


def _coredns(programs: Mapping[str, str]) -> Component:
    """After its role: told that it may not list Services, it asks again only a second later."""
    command = (programs["coredns"], "-conf", str(CONF / "Corefile"))
    client = admin_client()

    def may_list() -> bool:
        return client.get("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/labkit:coredns") is not None

    return Component("coredns", command, readiness.http_get(8181, "/ready"), after=("kube-apiserver",), needs=may_list)
