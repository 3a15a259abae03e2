// Everything the portal says, in English. Another language is another file with the same keys.

const days = (count: number): string => (count === 1 ? "1 day" : `${count} days`);
const codes = (count: number): string => (count === 1 ? "1 code" : `${count} codes`);

export const en = {
  language: "en",
  title: (page: string, organisation: string) => `${page} · ${organisation}`,
  skip: "Skip to the content",

  signIn: {
    title: "Sign in",
    username: "User name",
    password: "Password",
    code: "Code",
    codeHint: "From your authenticator app. Leave it empty if you have not set one up yet.",
    button: "Sign in",
    refused: "That didn't work. Check the user name, the password and the code, then try again.",
  },

  help: {
    inPeriod: (count: number, url: string) =>
      `Set up your second factor: ${days(count)} left. ${url}`,
    expired: (url: string) =>
      `The time to set up your second factor is over. Ask your administrator for more. ${url}`,
  },

  enrol: {
    title: "Set up your second factor",
    daysLeft: (count: number) => `Set up your second factor: ${days(count)} left`,
    another: "Move to another app",
    step: (step: number) => `Step ${step} of 3`,
    why: "From then on, signing in takes your password and a code from your phone. A stolen password alone opens nothing.",
    getApp: "Get an app",
    anyApp:
      "Any of these works, and so does every other app for six-digit codes. If you have one already, go on.",
    haveApp: "I have an app",
    notNow: "Not now",
    scan: "Scan",
    scanHint: "In the app, add an account and point the camera at this picture.",
    qr: "QR code with your key",
    key: "Can't scan? Type this key into the app:",
    copyKey: "Copy the key",
    copied: "Copied",
    keyFacts: "Time-based, SHA-1, 6 digits, every 30 seconds",
    openApp: "Open in an app on this device",
    next: "Next",
    back: "Back",
    typeCode: "Type the code",
    typeHint: "The app shows six digits now. They change every half minute.",
    code: "Six-digit code",
    finish: "Finish",
    wrong: "That code doesn't match. Type the one that the app shows now.",
    clock: "If it keeps failing, set the phone's time to automatic.",
    usedUp:
      "Five codes didn't match. Here is a new key: remove the old entry from the app and begin again.",
    done: "You are set up",
    doneText: "From now on you sign in with your password and a code from the app.",
    doneCode: "The code you just typed is used up. Wait for the next one before you sign in.",
  },

  account: {
    title: "Your account",
    signedInAs: (username: string) => `Signed in as ${username}`,
    factor: "Second factor",
    noFactor: "None is set up.",
    noFactorLate:
      "None is set up, and the time for it is over. An administrator can give you more.",
    noFactorUntil: (count: number) => `None is set up. You have ${days(count)} left.`,
    setUp: "Set it up",
    app: "Authenticator app",
    algorithm: (name: string, digits: number, seconds: number) =>
      `${name}, ${digits} digits, every ${seconds} seconds`,
    since: "Since",
    lastUsed: "Last used",
    never: "never",
    move: "Move to another app",
    moveHint: "For a new phone. The old app works until the new one does.",
    recent: "Recent activity",
    nothing: "Nothing yet.",
    wasntYou: "Was one of these not you? Tell your administrator at once.",
    signOut: "Sign out",
    signOutEverywhere: "Sign out everywhere",
    everywhereHint: "Ends this session and every other one of yours in this portal.",
  },

  confirm: {
    title: "Confirm that it's you",
    text: "Type your password and a current code from the app you have now.",
    password: "Password",
    code: "Current code",
    button: "Go on",
    cancel: "Cancel",
  },

  recovery: {
    title: "Recovery codes",
    left: (count: number) => `${codes(count)} left`,
    make: "Make new recovery codes",
    makeHint: "The old ones stop working.",
    text: "Each signs you in once in place of a code from the app. Keep them where you find them without your phone. They are shown only now.",
    copy: "Copy",
    copied: "Copied",
    download: "Download",
    print: "Print",
    kept: "I have kept them",
  },

  messages: {
    expired: {
      title: "The time to set up is over",
      text: "Your second factor had to be set up before now. An administrator can give you more time.",
    },
    elsewhere: {
      title: "Not from here",
      text: "Your second factor can't be set up from this network. Try again from one of your organisation's, or ask an administrator.",
    },
    unavailable: {
      title: "Try again later",
      text: "Nobody can be signed in at the moment. This is not your fault, and nothing was counted.",
    },
    tooMany: {
      title: "Too many attempts",
      text: "There were many attempts from your network. Wait a minute, then try again.",
    },
    outdated: {
      title: "This page is out of date",
      text: "It was open for too long, or another page sent the form. Begin again.",
    },
    malformed: {
      title: "That can't be read",
      text: "The form arrived incomplete or broken. Begin again.",
    },
    changed: {
      title: "Something changed meanwhile",
      text: "Your second factor was changed by somebody else or in another window. Sign in again to see it.",
    },
    fault: {
      title: "Something is wrong here",
      text: "The request failed on our side. Tell your administrator the number below.",
    },
    arriving: {
      title: "One moment",
      text: "You are taken to the page. If nothing happens, begin again.",
    },
    again: "Begin again",
  },

  events: {
    thisPortal: "this portal",
    signedIn: (place: string) => `You signed in at ${place}`,
    refused: (place: string, why: string) => `A sign-in at ${place} was refused: ${why}`,
    unchecked: (place: string) => `A sign-in at ${place} could not be checked`,
    from: (address: string) => `from ${address}`,
    why: {
      password: "wrong password",
      code: "wrong code",
      locked: "the account was locked",
      expired: "the password has expired",
      notSetUp: "no second factor was set up",
      other: "not allowed",
    },
    enrolled: "Your second factor was set up",
    enrolledBy: "An administrator set up your second factor",
    removed: "Your second factor was removed",
    locked: "Your account was locked",
    unlocked: "An administrator unlocked your account",
    required: "You were asked to set up a second factor",
    extended: "You were given more time to set up a second factor",
    bypass: "An administrator gave you a stand-in code",
    recoveryCodes: "New recovery codes were made",
    recoveryCodeUsed: "A recovery code was used",
  },
} as const;

export type Texts = typeof en;
