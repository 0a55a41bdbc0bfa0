"""Words of many languages by concept: who speaks, and about which kind of text.

The classifier counts them, so that what it learned in one language holds in others. A list is no
rule: no word decides anything alone. `WHOLE` words count as they are, `STEMS` as the beginning of
a word, `CHARACTERS` anywhere in scripts without blanks.
"""

from enum import StrEnum

from hitherto.core.text.english_words import word_set


class Concept(StrEnum):
    """Concept that a word stands for in its segment."""

    SELF = "self"
    ADDRESSEE = "addressee"
    ROLE = "role"
    TASK = "task"
    TEXT = "text"
    REPORT = "report"
    FICTION = "fiction"


WHOLE: dict[Concept, frozenset[str]] = {
    Concept.SELF: word_set(
        """i im ive id ill me my mine myself we our ours us weve were ich mich mir mein meine
        meinen meinem meiner meins wir uns unser unsere unseren je j moi mon ma mes nous notre
        nos yo mi mis conmigo nosotros nuestro nuestra soy estoy tengo vivo trabajo eu meu
        minha meus minhas comigo nós nosso nossa sou tô estou tenho moro io mio mia miei mie
        noi nostro nostra sono ho abito lavoro ik mijn mij wij ons onze ja mnie mój moja moje
        mam jestem nas nasz nasza mieszkam moim mojej moją mojego я меня мне мой моя мои моё
        мы наш наша нас ben benim bana bizim biz मैं मुझे मेरा मेरी मेरे हम हमारे हमारी हमारा
        मैंने हमने main mera meri mujhe mere أنا عندي لدي انا أملك نحن لي إني زوجتي زوجي ابني
        ابنتي 나 저 제 내 우리 저는 나는 제가 내가"""
    ),
    Concept.ADDRESSEE: word_set(
        """you your yours yourself du dich dir dein deine sie ihr ihre ihnen tu te toi ton ta tes
        vous votre vos tú ti tus usted su sus ustedes você teu tua seu sua tuo lei suo ty ci
        ciebie twój twoja pan pani ты тебе тебя твой вы вас ваш sen sana senin siz तुम आप आपका
        आपकी आपने तुम्हारा أنت لك عليك"""
    ),
    Concept.ROLE: word_set(
        """user client customer member visitor reader guest holder tenant patient owner person
        human individual account caller shopper buyer subscriber employee candidate resident
        participant passenger nutzer kunde kundin mitglied leser leserin besucher gast inhaber
        mieter gegenüber utilisateur membre lecteur lectrice visiteur titulaire locataire
        personne interlocuteur usuario cliente miembro lector visitante titular inquilino
        persona interlocutor usuário membro leitor pessoa utente lettore visitatore titolare
        użytkownik klient członek czytelnik osoba gość пользователь клиент читатель человек
        उपयोगकर्ता ग्राहक सदस्य पाठक व्यक्ति المستخدم العميل العضو القارئ الشخص"""
    ),
}
STEMS: dict[Concept, frozenset[str]] = {
    Concept.TASK: word_set(
        """summari translat explain check proofread rewrite rephras improv shorten tidy polish
        correct fix review rate analy decod convert render parse extract spell critique format
        edit tighten transcrib read open look describe reword grade debug zusammenfass fass
        übersetz erklär prüf korrigier verbesser kürz formulier schau lies les bewert résum
        traduis traduir explique corrige relis reformule améliore raccourc regarde lis ouvre
        resum tradu explic corrig revis mejora acorta mira lee abre reformul traduz melhor
        encurt olh lê riassum traduc spieg corregg rivedi miglior accorci guarda leggi apri
        streś przetłumacz wyjaśnij sprawdź popraw skróć przeczytaj otwórz oceń перевед объясн
        провер исправ сократ özetle çevir açıkla kontrol सारांश अनुवाद समझाओ सुधार जाँच पढ़कर
        لخص ترجم اشرح صحح راجع اقرأ افتح"""
    ),
    Concept.TEXT: word_set(
        """page site website email mail letter article text message document doc pdf file post
        thread forum review listing ad advert flyer leaflet poster sign sticker label card
        notice note memo report minutes transcript interview newsletter blog readme contract
        terms policy form survey questionnaire log output error json csv yaml xml html config
        script story poem song novel book chapter screenplay lyrics essay caption footer
        banner brochure menu invitation ticket profile cv resume bio testimonial quote
        paragraph sentence excerpt draft template wiki paper magazine newspaper headline app
        chat screenshot seite brief artikel nachricht dokument datei anzeige zettel aufkleber
        schild protokoll bericht gedicht buch vertrag formular zeitung rechnung angebot
        bewertung rundschreiben lettre texte fichier annonce affiche panneau étiquette compte
        rendu poème livre contrat formulaire journal avis témoignage courrier página sitio
        correo carta artículo texto mensaje documento archivo anuncio cartel etiqueta acta
        poema libro contrato formulario periódico reseña aviso circular artigo mensagem
        arquivo anúncio cartaz ata livro formulário jornal bilhete pagina sito lettera
        articolo testo messaggio annuncio cartello etichetta verbale poesia contratto modulo
        giornale avviso recensione strona list artykuł tekst wiadomość plik ogłoszenie ulotka
        wiersz książka umowa formularz gazeta страниц письмо статья текст сообщен документ
        файл объявлен पेज ईमेल पत्र लेख संदेश दस्तावेज़ फ़ाइल विज्ञापन कविता किताब صفحة موقع
        رسالة مقال نص وثيقة ملف إعلان قصيدة كتاب عقد"""
    ),
    Concept.REPORT: word_set(
        """say says said saying wrote writes written read reads state states stated claim claims
        claimed told tells mention mentions adds added note notes printed posted quoted goes
        replied answered according apparently allegedly swear swears insists heard rumour
        reported reports shows lists contains found got received sent forwarded pasted sagt
        sagte schreibt schrieb steht stand behauptet erzählt angeblich laut gefunden bekommen
        dit écrit affirme raconte prétend selon paraît trouvé reçu dice dijo pone escribió
        afirma cuenta según figura encontré recibí diz disse escreveu conta segundo consta
        achei recebi detto scritto scrive afferma racconta secondo riporta trovato ricevuto
        mówi napisał pisze twierdzi podobno według znalazłem говорит написал пишет утверждает
        कहा लिखा बोला कहते मिला قال كتب يقول مكتوب وجدت"""
    ),
    Concept.FICTION: word_set(
        """story novel tale character roleplay role play scene pretend imagine suppose
        hypothetical fictional improv protagonist hero villain narrator monologue dialogue
        exercise homework worksheet quiz riddle game lyrics verse geschichte roman figur rolle
        rollenspiel szene stell angenommen übung hausaufgabe märchen histoire personnage rôle
        scène supposons exercice conte historia novela personaje rol escena imagina supongamos
        ejercicio cuento história romance personagem papel cena suponha exercício conto storia
        romanzo personaggio ruolo scena immagina supponiamo esercizio racconto opowiadanie
        powieść postać rola wyobraź ćwiczenie bajka рассказ роман персонаж роль сцена
        представь कहानी नाटक उपन्यास किरदार मान قصة رواية شخصية دور تخيل مسرحية"""
    ),
}
CHARACTERS: dict[Concept, frozenset[str]] = {
    Concept.SELF: word_set("""私 僕 俺 うち わたし 自分 我 我们 咱 本人 내가 저는"""),
    Concept.ROLE: word_set(
        """ユーザー 利用者 会員 お客様 読者 相手 当人 用户 客户 会员 读者 机主 本人 此人 住户"""
    ),
    Concept.TASK: word_set(
        """要約 翻訳 訳して 添削 校正 直して 説明 読んで まとめ どう思 解説 感想 总结 翻译 解释
        修改 润色 检查 看看 读 概括 什么意思 通顺 改"""
    ),
    Concept.TEXT: word_set(
        """ページ サイト メール 手紙 記事 文章 文面 メッセージ 書類 ファイル 広告 ポスター 看板
        ラベル 議事録 詩 小説 本 契約 チラシ 説明書 原稿 网页 邮件 信 消息 文件 广告 海报 标签
        纪要 诗 小说 书 合同 传单 说明书 通知 帖子"""
    ),
    Concept.REPORT: word_set(
        """書いて 書かれ 言って 言った だって とのこと によると そうです 届いた 見つけ 写着 写道
        说 称 据 收到 看到 捡到 上面写"""
    ),
    Concept.FICTION: word_set(
        """小説 物語 台本 役 セリフ ロールプレイ 仮に 劇 昔話 小说 故事 角色 扮演 台词 假设 剧本
        练习"""
    ),
}
