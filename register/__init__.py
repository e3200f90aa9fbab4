"""The register: every event of every case for good, what is read from them, and referrals under seal."""
