# Fills a freshly provisioned Samba domain, whose files it opens itself, for test/support/samba.ts.
# usage: samba-people.py SMB_CONF
#        samba-people.py SMB_CONF NAME ...  only these people, whose passwords are as old as the clock says

import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb

PASSWORD = "Right-pass-1"

parameters = LoadParm()
parameters.load(sys.argv[1])
sam = SamDB(session_info=system_session(), lp=parameters)
base = sam.domain_dn()


def change(entry, **attributes):
    message = ldb.Message(ldb.Dn(sam, entry))
    for name, value in attributes.items():
        flag = ldb.FLAG_MOD_DELETE if value is None else ldb.FLAG_MOD_REPLACE
        message[name] = ldb.MessageElement([] if value is None else value, flag, name)
    sam.modify(message)


def dn(name):
    return "CN=%s,CN=Users,%s" % (name, base)


if len(sys.argv) > 2:
    for name in sys.argv[2:]:
        sam.newuser(name, PASSWORD)
    sys.exit(0)

sam.transaction_start()
# Nobody locked here becomes unlocked while a test runs: both take half an hour.
change(base, lockoutThreshold="8")
change("CN=Partitions,CN=Configuration,%s" % base, uPNSuffixes=["corp.example"])
names = ["gatehouse", "alice", "bob", "mallory", "asmith", "disabled", "expired", "mustchange", "locked", "guessed"]
for name in [*names, "hours", "elsewhere", "strictly", "j\u00fcrgen", "retired"]:
    sam.newuser(name, PASSWORD)
change(dn("asmith"), userPrincipalName="alice.smith@corp.example")
change(dn("bob"), userPrincipalName=None)
change(dn("disabled"), userAccountControl="514")
change(dn("expired"), accountExpires="125911584000000000")
change(dn("mustchange"), pwdLastSet="0")
change(dn("mallory"), userPrincipalName="bob@corp.example")
change(dn("hours"), logonHours=b"\0" * 21)
change(dn("elsewhere"), userWorkstations="SOMEWHERE")
change(dn("retired"), userAccountControl="514")
# Only administrators may read it; an hour instead of half of one.
sam.add({
    "dn": "CN=strict,CN=Password Settings Container,CN=System,%s" % base,
    "objectClass": "msDS-PasswordSettings",
    "msDS-PasswordSettingsPrecedence": "10",
    "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
    "msDS-PasswordHistoryLength": "0",
    "msDS-PasswordComplexityEnabled": "FALSE",
    "msDS-MinimumPasswordLength": "0",
    "msDS-MinimumPasswordAge": "0",
    "msDS-MaximumPasswordAge": "-9223372036854775808",
    "msDS-LockoutThreshold": "4",
    "msDS-LockoutObservationWindow": "-36000000000",
    "msDS-LockoutDuration": "-36000000000",
    "msDS-PSOAppliesTo": dn("strictly"),
})
for name in ["staff", "everyone", "loop", "vpn", "remote", "nobody"]:
    sam.newgroup(name)
# Distribution lists give nobody a right there, and are in no token.
for name in ["list", "lists"]:
    sam.newgroup(name, grouptype=2)
members_of = {"staff": ["alice", "loop"], "everyone": ["staff"], "loop": ["everyone"], "vpn": ["bob"], "remote": ["vpn"], "list": ["alice"], "lists": ["list"]}
for group, members in members_of.items():
    sam.add_remove_group_members(group, members, add_members_operation=True)
rid = sam.search(dn("vpn"), scope=ldb.SCOPE_BASE, attrs=["primaryGroupToken"])[0]["primaryGroupToken"][0]
change(dn("bob"), primaryGroupID=rid)
sam.transaction_commit()
