"""The words that columns may hold: the register's own, and ours where there is no register.

GIAS words are kept as Get Information about Schools publishes them, so that a row can be found
again in the register. The rest are identifiers of this project; `impactkit.types` has those that
are shared with the object model.
"""

from __future__ import annotations

PHASES = (
    "Nursery",
    "Primary",
    "Middle deemed primary",
    "Secondary",
    "Middle deemed secondary",
    "16 to 19",
    "All-through",
    "Special",
    "Not applicable",
)
"""Phases of GIAS, and `Special`, which the workforce and absence tables use as one."""

SCHOOL_STATUSES = ("Open", "Open, but proposed to close", "Closed", "Proposed to open")

LINK_TYPES = (
    "Predecessor",
    "Predecessor - Split School",
    "Closure",
    "Predecessor - merged",
    "Successor",
    "Expansion",
    "Successor - Split School",
    "Result of Amalgamation",
    "Merged - change in age range",
    "Merged - expansion of school capacity",
    "Merged - expansion in school capacity and changer in age range",
    "Successor - merged",
    "Predecessor - amalgamated",
    "Successor - amalgamated",
    "Sixth Form Centre Link",
    "Sixth Form Centre School",
    "Children's Centre Link",
    "Other",
)
"""The 18 link types of GIAS, spelt as in its extract (`changer` is the Department's)."""

CLOSE_REASONS = (
    "Academy Converter",
    "Result of Amalgamation/Merger",
    "Closure",
    "For Academy",
    "Fresh Start",
    "Close Nursery School",
    "Change Religious Character",
    "Does not meet criteria for registration",
    "De-registered",
    "Academy Free School",
    "Change in status",
    "Transferred to new sponsor",
    "Created in Error",
)

OPEN_REASONS = (
    "Academy Converter",
    "New Provision",
    "Result of Amalgamation",
    "Fresh Start",
    "Academy Free School",
    "Result of Closure",
    "Change Religious Character",
    "Change in status",
    "Former Independent",
    "Split school",
    "New Nursery School",
    "Meets accreditation standards",
    "Free Special School",
)

GOVERNOR_ROLES = (
    "Accounting officer",
    "Chair of governors",
    "Chair of local governing body",
    "Chair of trustees",
    "Chief financial officer",
    "Governor",
    "Local governor",
    "Member",
    "Trustee",
    "Shared chair of local governing body - establishment",
    "Shared chair of local governing body - group",
    "Shared local governor - establishment",
    "Shared local governor - group",
    "Governance professional for a federation",
    "Governance professional for a local authority maintained school",
    "Governance professional for a multi-academy trust (MAT)",
    "Governance professional for a single-academy trust (SAT)",
    "Local governance professional for an individual academy or free school",
    "Shared governance professional - establishment",
    "Shared governance professional - group",
    "Headteacher",
    "Associate member",
)
"""The 20 governance roles of GIAS, and two that a board has and the register has not."""

ORIGINS = ("internal_school", "internal_partnership", "external_la", "external_other", "unknown")
"""Where the holder of a post came from."""

DESTINATIONS = (
    "promoted_same",
    "promoted_partner",
    "lateral_partner",
    "other_school",
    "trust_central",
    "retired",
    "left_state_sector",
    "unknown",
)

GOVERNOR_ACTIVITIES = (
    "joint_meeting",
    "joint_training",
    "exchange_visit",
    "peer_review",
    "shared_committee",
    "chair_mentoring",
    "monitoring_visit",
)

DOSE_UNITS = ("days", "hours", "fte_terms")

AGREEMENT_ITEMS = (
    "aims",
    "roles",
    "protocol_signed",
    "success_measures",
    "baseline",
    "confidentiality",
    "resources",
    "governors_sign_off",
    "review_dates",
    "exit",
)
"""What an agreement can settle at the outset (metric M02, a proposal of this project)."""

EVALUATION_CRITERIA = (
    "aims",
    "baseline",
    "outcome_each_level",
    "evidence_types",
    "comparator",
    "reviews",
    "reported_to_governors",
    "decision_changed",
)
"""The eight criteria of rubric R1, in its order; `baseline` and `reviews` are its gates."""

EVIDENCE_TYPES = ("results", "workforce", "survey", "observation", "document", "finance")

COUNTRIES = ("E", "W")

RESPONDENTS = (
    "aspiring",
    "middle",
    "senior_assistant",
    "senior_deputy",
    "head",
    "executive_head",
    "sbm",
    "governor",
    "teacher",
    "pupil",
)
"""Who answers a survey: the leadership levels, and others."""

READINESS = ("ready_now", "ready_in_2_years", "later")

BARRIERS = (
    "reluctance",
    "time",
    "distance",
    "staffing",
    "funding",
    "trust",
    "data",
    "governance",
    "other",
)
"""What can stand in a partnership's way; `reluctance` is the one that Ofsted named (2010)."""

ENQUIRY_RESULTS = ("supported", "not_supported", "unclear", "stopped")

NEED_KINDS = ("need", "strength")

FINANCE_KINDS = ("cost", "cashable_saving", "avoided_cost", "grant")
FINANCE_BASES = ("april_to_march", "september_to_august")
"""Maintained schools account by the fiscal year, academies by the academic year."""

FINANCE_EVIDENCE = ("invoice", "contract", "accounts", "estimate")
"""`accounts`: a line of the school's published or statutory return."""
