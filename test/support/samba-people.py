# Fills a freshly provisioned Samba domain, whose files it opens itself, for test/support/samba.ts.
# usage: samba-people.py SMB_CONF

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


sam.transaction_start()
# Nobody locked here becomes unlocked while a test runs: both take half an hour.
change(base, lockoutThreshold="8")
change("CN=Partitions,CN=Configuration,%s" % base, uPNSuffixes=["corp.example"])
for name in ["gatehouse", "alice", "bob", "mallory", "asmith", "disabled", "expired", "mustchange", "locked", "guessed"]:
    sam.newuser(name, PASSWORD)
change(dn("asmith"), userPrincipalName="alice.smith@corp.example")
change(dn("bob"), userPrincipalName=None)
change(dn("disabled"), userAccountControl="514")
change(dn("expired"), accountExpires="125911584000000000")
change(dn("mustchange"), pwdLastSet="0")
change(dn("mallory"), userPrincipalName="bob@corp.example")
for name in ["staff", "everyone", "loop", "vpn", "nobody"]:
    sam.newgroup(name)
for group, members in {"staff": ["alice", "loop"], "everyone": ["staff"], "loop": ["everyone"], "vpn": ["bob"]}.items():
    sam.add_remove_group_members(group, members, add_members_operation=True)
rid = sam.search(dn("vpn"), scope=ldb.SCOPE_BASE, attrs=["primaryGroupToken"])[0]["primaryGroupToken"][0]
change(dn("bob"), primaryGroupID=rid)
sam.transaction_commit()
