"""The words that the sample's names are made of."""

from __future__ import annotations

COMPANIES = ("Alder and Finch", "Bluewater Freight", "Copperline Studios", "Dunmore Research", "Everfield Foods")

FIRST_NAMES = (
    "Ada", "Amara", "Ana", "Arjun", "Astrid", "Ben", "Bruno", "Carmen", "Chen", "Clara", "Dana", "Diego", "Elif",
    "Emma", "Farid", "Fatou", "Femi", "Freya", "Hana", "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Kenji", "Laila",
    "Leo", "Lin", "Luca", "Maja", "Marta", "Mina", "Nadia", "Niko", "Noor", "Olga", "Omar", "Pavel", "Priya", "Rosa",
    "Ravi", "Sana", "Selim", "Sofia", "Tariq", "Theo", "Uma", "Viktor", "Yara", "Zoë",
)  # fmt: skip

LAST_NAMES = (
    "Abara", "Adler", "Almeida", "Andersen", "Bauer", "Bianchi", "Castro", "Demir", "Diallo", "Dubois", "Eriksen",
    "Fischer", "Fontaine", "García", "Haddad", "Hansen", "Hoffmann", "Ivanova", "Jansen", "Kaur", "Kimura", "Kowalski",
    "Larsen", "Lehmann", "Li", "Martins", "Mensah", "Moreau", "Nakamura", "Novak", "Nowak", "Okafor", "Olsen", "Patel",
    "Pereira", "Popescu", "Rao", "Ricci", "Romero", "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Tanaka", "Torres",
    "Virtanen", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip

SUBJECTS = (
    "Budget", "Roadmap", "Hiring", "Campaigns", "Inventory", "Suppliers", "Research", "Support", "Contracts", "Events",
    "Fleet", "Quality", "Training", "Launches", "Partners", "Invoices", "Surveys", "Assets", "Risks", "Archive",
)  # fmt: skip

QUALIFIERS = ("2025", "2026", "Europe", "Americas", "Asia", "Internal", "Planning", "Review", "Pilot", "Team")

TIMEZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Lagos", "America/Sao_Paulo", "Asia/Kolkata")

LANGUAGES = ("de", "en-US", "ja", "fr", "pt-BR", "hi")
