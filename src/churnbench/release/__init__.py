"""Life of weight configs after the review: release, signature, rollback, comparison, shadow scoring, hand-over."""

from churnbench.release.bundle import write_bundle
from churnbench.release.comparison import Comparison, diff, diff_file
from churnbench.release.history import decisions
from churnbench.release.issuing import Released, Surroundings
from churnbench.release.keys import NewKey, SigningKey, TrustedKey, new_key, read_signing_key, read_trusted_keys
from churnbench.release.lifecycle import LifecycleState, lifecycle_state
from churnbench.release.promotion import promote
from churnbench.release.rollback import rollback
from churnbench.release.shadow import Shadow, shadow
from churnbench.release.signing import read_signature, sign, signature_path, verify
from churnbench.release.store import Pointer, active, folder_of

__all__ = [
    "Comparison",
    "LifecycleState",
    "NewKey",
    "Pointer",
    "Released",
    "Shadow",
    "SigningKey",
    "Surroundings",
    "TrustedKey",
    "active",
    "decisions",
    "diff",
    "diff_file",
    "folder_of",
    "lifecycle_state",
    "new_key",
    "promote",
    "read_signature",
    "read_signing_key",
    "read_trusted_keys",
    "rollback",
    "shadow",
    "sign",
    "signature_path",
    "verify",
    "write_bundle",
]
