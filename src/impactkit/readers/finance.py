"""Schools' money: the tables by pupil of the performance tables, and the returns in full.

``LA_YEAR_cfr.csv`` has pounds for each pupil of maintained schools; the year is the financial year,
April to March, by its end, and its figures for England are medians. The workbooks of returns have
pounds in all: those of maintained schools (CFR, April to March), and those of academies (AAR,
September to August). The two years differ by five months, so the two are never one series: a school
that becomes an academy changes its year. In the workbooks of maintained schools totals leave direct
revenue financing (E30) out since 2021/22.

Three kinds of rows tell nothing of one school in one year, and are set aside: the return that one
school makes for all of its federation, with those of the schools for which it is made; returns of
less than a year, from schools that opened, closed or changed their trust in it; and returns that
were not made.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, Header, YearMark, headers
from impactkit.readers.performance import form_reader

_PER_PUPIL = {
    "income": "TOTALINCOME",
    "grants": "GRANTFUNDING",
    "own_income": "SELFGENERATEDINCOME",
    "expenditure": "TOTALEXPENDITURE",
    "teachers": "TEACHINGSTAFF",
    "supply_teachers": "SUPPLYTEACHERS",
    "support_staff": "EDUCATIONSUPPORTSTAFF",
    "other_staff": "OTHERSTAFF",
    "back_office": "BACKOFFICE",
    "premises": "PREMISES",
    "catering": "CATERING",
    "energy": "ENERGY",
    "learning_resources": "LEARNINGRESOURCES",
    "ict": "ICT",
    "bought_in": "BOUGHTINPROFESSIONALSERVICES",
}
_TOTALS = {
    "income": (
        "Total Income   I01 to I18",
        "Total Income:I01 to I18",
        "Total Income: I01:I18 - E30",
        "Total Income: I01:I17 - E30",
        "Total Income",
    ),
    "expenditure": (
        "Total Expenditure: (E01:E29 + E31 + E32)",
        "Total Expenditure  E01 to E32",
        "Total Expenditure:E01 to E29 and E31 to E32",
        "Total Expenditure",
    ),
    "balance": (
        "In-year Balance: Total Income (I01:I18 - E30) - Total Expenditure (E01:E29 + E31 + E32)",
        "In-year Balance: Total Income (I01:I17 - E30) - Total Expenditure (E01:E29 + E31 + E32)",
        "In-year Balance   Total Income (I01 to I18) minus Total Expenditure (E01 to E32)",
        "In-year Balance:Total Income (I01 to I18) minus Total Expenditure (E01 to E32)",
        "In-year Balance",
        "In Year Balance",
    ),
    "reserve": (
        "Revenue Reserve: B01 + B02 + B06",
        "Revenue Reserve   B01 plus B02 plus B06",
        "Revenue Reserve:B01 plus B02 plus B06",
        "Revenue Reserve",
    ),
    "teachers": ("E01  Teaching Staff", "Teaching Staff  E01", "Teaching staff"),
    "supply_teachers": ("E02  Supply teaching staff", "Supply teaching staff"),
}


_FEDERATION = "one return is made for all schools of a federation"
_PART_YEAR = "the return covers another time than a year"

PUPIL_FORM = Form(
    title="finance for each pupil (cfr.csv)",
    identity={"la": headers("LA"), "urn": headers("URN")},
    measures={f"finance_{name}_per_pupil": (Header(text),) for name, text in _PER_PUPIL.items()},
    required=("urn", "finance_income_per_pupil", "finance_grants_per_pupil"),
    aggregates=(
        Aggregate(
            "la",
            "(LA|LONDON|NON-LONDON)(-.*)?",
            reason="the row is the median of similar schools",
        ),
        Aggregate("la", "NAT-PRI", "national", phase="Primary"),
        Aggregate("la", "NAT-SEC-WITH-KS4", "national", phase="Secondary"),
        Aggregate("la", "NAT-SEC-WITHOUT-KS4", "national", phase="Secondary without KS4"),
        Aggregate("la", "NAT-SPE", "national", phase="Special"),
        Aggregate("la", "NAT-PRU", "national", phase="Pupil referral unit"),
    ),
    marks=(YearMark(r"T\d\d(\d\d)CAT1", gaps=(0,)),),
)
TOTAL_FORM = Form(
    title="financial returns of schools or academies (CFR or AAR workbook)",
    identity={
        "la": headers("LA", "LA Code"),
        "laestab": headers("LAEstab", "LAESTAB"),
        "urn": headers("URN"),
        "federated": headers("Federated submission"),
        "lead": headers("Lead school in federation"),
        "supplied": headers("Did Not Supply flag"),
        "months": headers("Period covered by return", "Period covered by return (months)"),
    },
    measures={f"finance_{name}": headers(*texts) for name, texts in _TOTALS.items()},
    required=("urn", "finance_income", "finance_expenditure"),
    aggregates=(
        Aggregate("months", r"\d|1[013-9]|[2-9]\d", reason=_PART_YEAR),
        Aggregate("supplied", "Y|DNS", reason="the school made no return"),
        Aggregate("federated", "(Lead|Non returning) school", reason=_FEDERATION),
        Aggregate("lead", r"[1-9]\d{6}", reason=_FEDERATION),
    ),
    symbols={"NS": "DNS"},
)

PUPIL_READER = form_reader(
    PUPIL_FORM,
    id="dfe.finance_per_pupil",
    title="Maintained schools' finance for each pupil, from the performance tables",
    years=(2017, 2018, 2019),
    source="Department for Education, school performance tables",
    notes="The year is the financial year, April to March, by its end. Academies are not in it.",
)
TOTAL_READER = form_reader(
    TOTAL_FORM,
    id="dfe.finance",
    title="Financial returns in full: maintained schools (CFR) or academies (AAR)",
    years=tuple(range(2015, 2026)),
    source="Department for Education, schools' financial benchmarking",
    met_real_file=False,
    notes=(
        "It has not met a real file, only the headers of published ones (to 2024/25). Federations "
        "that make one return have no figures by school. Maintained schools' year is April to "
        "March, academies' September to August: don't mix the two without conversion."
    ),
)
