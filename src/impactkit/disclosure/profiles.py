"""The disclosure profiles of core, and the rule that a plugin's profile may only be stricter."""

from __future__ import annotations

from impactkit.declarations import DisclosureProfile
from impactkit.errors import PluginError

_RULES = {
    "threshold": "counts of people up to this are protected",
    "min_people": "a share or mean must rest on at least this many people",
    "extreme_shares_below": "0% and 100% are protected in groups smaller than this",
}


def core_profiles() -> tuple[DisclosureProfile, ...]:
    """Return the profiles that core ships, the default first.

    `threshold` and `min_people` are numbers of people. Sources as checked for this project:
    ``dfe-school`` and ``wales`` were verified against the pages named, ``srs`` against the ONS
    guidance as quoted by a university archive. `extreme_shares_below` is our own proposal in all
    three, and so is reading the Welsh "limited reporting" of 5 to 9 people as "no 0% or 100%".

    Examples
    --------
    >>> [(p.id, p.threshold, p.min_people) for p in core_profiles()]
    [('dfe-school', 5, 6), ('srs', 9, 10), ('wales', 4, 5)]
    """
    return (
        DisclosureProfile(
            id="dfe-school",
            title="School-level figures as the Department for Education publishes them",
            threshold=5,
            min_people=6,
            source="Key stage 2 tables: 1 to 5 pupils suppressed since 2011 (TES, 2011)",
        ),
        DisclosureProfile(
            id="srs",
            title="Outputs of the ONS Secure Research Service",
            threshold=9,
            min_people=10,
            source="ONS SRS output rules: threshold of 10, with judgement by context",
        ),
        DisclosureProfile(
            id="wales",
            title="School-level figures in Wales",
            threshold=4,
            min_people=5,
            extreme_shares_below=10,
            source="Governors Wales: fewer than 5 nothing, 5 to 9 limited reporting",
        ),
    )


def check_stricter(profile: DisclosureProfile, base: DisclosureProfile) -> None:
    """Refuse a profile that protects less than `base` in any respect.

    Parameters
    ----------
    profile
        What a plugin declares.
    base
        The core profile that it must not fall behind.

    Raises
    ------
    PluginError
        With every rule that was loosened, the two figures, and the remedy.

    Examples
    --------
    >>> base = core_profiles()[0]
    >>> check_stricter(DisclosureProfile(id="kent", title="Kent", threshold=9, min_people=10), base)
    >>> check_stricter(DisclosureProfile(id="lax", title="Lax", threshold=2), base)
    Traceback (most recent call last):
        ...
    impactkit.errors.PluginError: disclosure profile 'lax' protects less than 'dfe-school': ...
    """
    loosened = [
        f"`{name}` is {getattr(profile, name)}, at least {getattr(base, name)} is needed ({why})"
        for name, why in _RULES.items()
        if getattr(profile, name) < getattr(base, name)
    ]
    if profile.round_to % base.round_to:
        loosened.append(
            f"`round_to` is {profile.round_to}, a multiple of {base.round_to} is needed"
        )
    if loosened:
        raise PluginError(
            f"disclosure profile {profile.id!r} protects less than {base.id!r}: "
            f"{'; '.join(loosened)}. Raise these, or use {base.id!r} itself."
        )
