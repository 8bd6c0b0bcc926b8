"""Understands the state charts of design.md §5 as tables: what each event makes of each state, or why it is refused.

A cell is the next state, or a refusal's code in brackets; `waits` where the event waits for what it speaks of.
"""

from __future__ import annotations

Chart = dict[str, dict[str, str]]  # state: event: next state or [code]

OVER = "[record-ended]"
RECORD: Chart = {
    "active": {
        "corrected": "active", "withdrawn": "withdrawn", "deleted": "deleted", "annotated": "active",
            "shielded": "active+shielded",
        "unshielded": "active", "objected": "active+disputed", "applied": "active", "granted": "repaired",
            "removed": "removed",
        "term-ends": "expired", "foreign": "[not-determining-department]",
    },
    "active+disputed": {
        "corrected": "active+disputed", "withdrawn": "withdrawn+disputed", "deleted": "deleted+disputed",
        "annotated": "active+disputed", "shielded": "active+disputed+shielded", "unshielded": "active+disputed",
        "settled": "active", "granted": "repaired+disputed", "removed": "removed+disputed", "term-ends": "expired+disputed",
        "foreign": "[not-determining-department]",
    },
    "active+shielded": {
        "corrected": "active+shielded", "withdrawn": "withdrawn+shielded", "deleted": "deleted+shielded",
        "annotated": "active+shielded", "unshielded": "active", "objected": "active+disputed+shielded",
        "granted": "repaired+shielded", "removed": "removed+shielded", "term-ends": "expired+shielded",
    },
    "withdrawn": {
        "corrected": OVER, "withdrawn": OVER, "deleted": "deleted", "annotated": "withdrawn", "shielded": OVER,
        "unshielded": "withdrawn", "objected": OVER, "applied": OVER, "granted": "[conflict]", "removed": "withdrawn",
        "term-ends": "withdrawn", "foreign": "[not-determining-department]",
    },
    "repaired": {
        "corrected": "repaired", "withdrawn": "withdrawn", "deleted": "deleted", "annotated": "repaired", "shielded": OVER,
        "unshielded": "repaired", "objected": OVER, "applied": OVER, "granted": "[conflict]", "removed": "repaired",
        "term-ends": "repaired", "foreign": "[not-determining-department]",
    },
    "expired": {
        "corrected": "expired", "withdrawn": "withdrawn", "deleted": "deleted", "annotated": "expired", "shielded": OVER,
        "unshielded": "expired", "objected": OVER, "applied": OVER, "granted": "[conflict]", "removed": "expired",
        "foreign": "[not-determining-department]",
    },
    "removed": {
        "corrected": "removed", "withdrawn": "withdrawn", "deleted": "deleted", "annotated": "removed", "shielded": OVER,
        "unshielded": "removed", "objected": OVER, "applied": OVER, "granted": "[conflict]", "term-ends": "removed",
        "foreign": "[not-determining-department]",
    },
    "deleted": {
        "corrected": OVER, "withdrawn": OVER, "deleted": OVER, "annotated": OVER, "shielded": OVER, "unshielded": "deleted",
        "objected": OVER, "applied": OVER, "granted": "[conflict]", "removed": "deleted", "term-ends": "deleted",
        "foreign": "[not-determining-department]",
    },
}  # fmt: skip

LISTING: Chart = {
    "-": {"entered": "[listing-notice-missing]", "noticed": "noticed", "removed": "waits"},
    "noticed": {"entered": "active", "entered-at-once": "[listing-notice-too-early]", "noticed": "noticed"},
    "active": {"entered-again": "active", "removed": "removed", "term-ends": "expired", "withdrawn": "withdrawn",
               "counted": "active"},
    "removed": {"entered-again": "removed", "removed": "removed", "term-ends": "removed"},
    "expired": {"entered-again": "expired", "removed": "expired"},
    "withdrawn": {"entered-again": "withdrawn", "removed": "withdrawn"},
}  # fmt: skip

OBJECTION: Chart = {
    "-": {"opened": "open", "by-nobody": "[objection-not-holder]", "by-holder": "open", "supplier": "waits",
        "collector": "waits",
          "refused": "closed-early", "corrected": "closed-early", "withdrawn": "closed-early", "taken-back": "closed-early"},
    "open": {"opened": "[conflict]", "supplier": "open", "collector": "open", "refused": "[verification-missing]",
             "corrected": "upheld-corrected", "withdrawn": "upheld-withdrawn", "taken-back": "withdrawn-by-filer",
             "by-another": "[not-determining-department]", "as-collector": "[owner-not-allowed]"},
    "half": {"opened": "[conflict]", "refused": "[verification-missing]", "collector": "open",
        "taken-back": "withdrawn-by-filer"},
    "verified": {"opened": "[conflict]", "refused": "refused", "corrected": "upheld-corrected",
        "withdrawn": "upheld-withdrawn",
                 "taken-back": "withdrawn-by-filer", "supplier": "open"},
    "refused": {"opened": "[conflict]", "refused": "[conflict]", "withdrawn": "[conflict]", "supplier": "refused"},
    "withdrawn-by-filer": {"opened": "[conflict]", "corrected": "[conflict]", "taken-back": "[conflict]"},
    "upheld-corrected": {"opened": "[conflict]", "refused": "[conflict]", "collector": "upheld-corrected"},
    "closed-early": {"opened": "withdrawn-by-filer", "supplier": "waits"},
}  # fmt: skip

REPAIR: Chart = {
    "-": {"applied": "applied", "granted": "waits", "refused": "waits", "duty-undone": "[repair-duty-undone]",
          "no-commitment": "[repair-commitment-missing]", "too-early": "[repair-too-early]",
          "never": "[repair-not-repairable]"},
    "applied": {"applied": "[conflict]", "granted": "granted", "refused": "refused", "uncited": "[repair-citation-missing]",
                "by-another": "[not-determining-department]", "withdrawn": "overtaken", "removed": "overtaken",
                "term-ends": "overtaken", "deleted": "overtaken"},
    "granted": {"granted": "[conflict]", "refused": "[conflict]", "applied": "[conflict]", "another": "[record-ended]"},
    "refused": {"granted": "[conflict]", "refused": "[conflict]", "applied": "[conflict]", "another": "applied"},
    "overtaken": {"granted": "[conflict]", "refused": "[conflict]"},
}  # fmt: skip

CASE: Chart = {
    "-": {"initiated": "asked", "accepted": "[scope-not-yours]", "by-another": "[not-determining-department]",
          "nowhere": "[seat-unknown]", "unlisted": "[measure-outside-list]"},
    "asked": {"initiated": "asked", "accepted": "accepted", "declined": "declined", "unsaid": "[reason-required]",
              "not-mine": "[scope-not-yours]"},
    "accepted": {"accepted": "[conflict]", "declined": "[conflict]", "initiated": "accepted"},
    "declined": {"accepted": "[conflict]", "declined": "[conflict]", "initiated": "declined"},
    "closed": {"initiated": OVER, "accepted": OVER, "declined": OVER},
}  # fmt: skip

OBLIGATION: Chart = {
    "triggered": {"arrived": "delivered", "acknowledged": "acknowledged", "executed": "executed", "declined": "declined",
                  "objected": "triggered+suspended", "ended": "lifting", "let-go": "[nothing-to-confirm]",
                  "paused": "[nothing-to-confirm]", "unexplained": "[reason-required]",
                  "explained-wrongly": "[reason-unknown]",
                  "ahead": "[version-unknown]", "stranger": "[obligation-unknown]", "corrected": "triggered",
                  "due": "triggered",
                  "void": "triggered"},
    "delivered": {"arrived": "delivered", "acknowledged": "acknowledged", "executed": "executed", "declined": "declined",
                  "objected": "delivered+suspended", "ended": "lifting"},
    "acknowledged": {"arrived": "acknowledged", "executed": "executed", "declined": "declined", "ended": "lifting",
                     "objected": "acknowledged+suspended", "due": "acknowledged"},
    "executed": {"acknowledged": "executed", "arrived": "executed", "declined": "declined", "ended": "lifting",
                 "objected": "executed+suspended", "due": "executed"},
    "declined": {"acknowledged": "declined", "executed": "executed", "ended": "lifting", "objected": "declined+suspended"},
    "triggered+suspended": {"paused": "triggered+suspended", "settled": "triggered", "ended": "lifting",
        "arrived": "delivered+suspended",
                            "executed": "executed+suspended", "paused-late": "[version-old]",
                            "corrected": "triggered+suspended",
                            "due": "triggered+suspended", "let-go": "[nothing-to-confirm]"},
    "lifting": {"let-go": "lifted", "let-go-late": "[version-old]", "executed": "lifting", "arrived": "lifting",
        "void": "cancelled",
                "paused": "[nothing-to-confirm]", "ended": "lifting", "due": "lifting"},
    "lifted": {"let-go": "lifted", "executed": "lifting", "acknowledged": "lifted", "void": "lifted"},
    "cancelled": {"let-go": "[obligation-unknown]", "executed": "[obligation-unknown]", "arrived": "cancelled"},
}  # fmt: skip
