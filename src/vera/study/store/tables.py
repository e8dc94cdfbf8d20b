"""The tables of a study's database. No method has its name in them."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Integer, MetaData, String, Table, UniqueConstraint

metadata = MetaData()

# The study that the database belongs to: one row.
studies = Table(
    "study",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("registration", String(64), nullable=False),
    Column("began", Float, nullable=False),
)

# A rater who consented. `slot` is the place in the design, `link` the number of the rater's own link.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(43), primary_key=True),
    Column("slot", Integer, nullable=False, unique=True),
    Column("link", Integer, unique=True),
    Column("prolific", JSON),
    Column("code", String(64), nullable=False, unique=True),  # its digest
    Column("trials", JSON, nullable=False),
    Column("consented", Float, nullable=False),
    Column("finished", Float),
)

_session = ForeignKey("sessions.id", ondelete="CASCADE")

# An answered trial: `attempt` is drawn by the page, so that what it sends again is known.
trials = Table(
    "trials",
    metadata,
    Column("session", String(43), _session, primary_key=True),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("attempt", String(36), nullable=False),
    Column("received", Float, nullable=False),
    Column("record", JSON, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session", String(43), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("trial", Integer, nullable=False),
    Column("question", String(16), nullable=False),
    Column("side", String(5), nullable=False),
    UniqueConstraint("session", "trial", "question"),
)

# Who withdrew: that a session was, and nothing of what it held.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("session", String(43), primary_key=True),
    Column("day", String(10), nullable=False),
)
